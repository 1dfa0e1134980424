"""Numbers of parcels, known by shape and check digit whatever stands around them."""

import re
from collections.abc import Callable

from ticketflow.engines.embedded.facts.found import Found

_ALPHANUMERIC = {letter: (place + 2) % 10 for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
# Universal Postal Union, standard S10, annex A.
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def is_ups_valid(number: str) -> bool:
    """Check the last digit of ``1Z`` and sixteen signs: a letter counts by its place, every second sign twice."""
    values = [_ALPHANUMERIC.get(sign, 0) if sign.isalpha() else int(sign) for sign in number[2:]]
    return (sum(values[:-1:2]) + 2 * sum(values[1:-1:2]) + values[-1]) % 10 == 0


def is_s10_valid(number: str) -> bool:
    """Check the ninth digit of a postal item such as ``RR123456785DE``."""
    digits = [int(digit) for digit in number[2:11]]
    check = 11 - sum(digit * weight for digit, weight in zip(digits, _S10_WEIGHTS, strict=False)) % 11
    return digits[-1] == {10: 0, 11: 5}.get(check, check)


def is_gs1_valid(digits: str) -> bool:
    """Check the last digit of GTIN, SSCC and what else GS1 numbers: every second one from the right counts thrice."""
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits))) % 10 == 0


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w-])1Z(?:[ -]?[0-9A-Z]){16}(?![\w-])", re.IGNORECASE), is_ups_valid),
    (re.compile(r"(?<![\w-])[A-Z]{2} ?\d{3} ?\d{3} ?\d{3} ?[A-Z]{2}(?![\w-])"), is_s10_valid),
    (re.compile(r"(?<![\w-])00(?: ?\d){18}(?![\w-])"), is_gs1_valid),
    (re.compile(r"(?<![\w-])9[1-5](?: ?\d){20}(?![\w-])"), is_gs1_valid),
    (re.compile(r"(?<![\w-])(?:JJD\d{14,20}|JVGL\d{12,20}|TBA\d{12})(?![\w-])"), lambda _: True),
)


def find_tracking_numbers(text: str) -> list[Found]:
    """Find the numbers of UPS, the posts, parcels labelled by GS1 (DHL and others), USPS, and Amazon."""
    return [
        Found("tracking_id", number, match[0], match.start(), match.end())
        for shape, is_valid in _SHAPES
        for match in shape.finditer(text)
        if is_valid(number := re.sub(r"[ -]", "", match[0]).upper())
    ]
