"""Measure both errors of masking on generated numbers: run `python -m benchmarks.masking [COUNT]`.

Cards of every issuer must be starred; order, parcel, bar-code and device numbers should stay readable.
"""

import random
import sys
from collections.abc import Callable

from tests.payment_numbers import ISSUERS, make_card
from ticketflow.masking import mask_text

COUNT = 100_000


def make_digits(rnd: random.Random, count: int) -> str:
    """Make any digits that do not begin with a zero."""
    return str(rnd.randrange(10 ** (count - 1), 10**count))


def make_gtin(rnd: random.Random) -> str:
    """Make a bar code's thirteen digits, the last of which checks the others."""
    payload = make_digits(rnd, 12)
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(payload)))
    return f"{payload}{-weighted % 10}"


def make_marketplace_order(rnd: random.Random) -> str:
    """Make an order of three groups."""
    return "-".join(make_digits(rnd, count) for count in (3, 7, 7))


BEFORE = {
    "bare": "{}",
    "behind a word of paying": "my card {}",
    "behind order": "order {}",
    "behind order number": "order number {}",
    "behind tracking number": "tracking number {}",
    "behind EAN": "EAN {}",
}
# Visa of 13 digits, Maestro of 12 to 15: what tells short cards from other numbers is only their first digits.
SHORT = [each for each in ISSUERS if each[1] < 14]  # noqa: PLR2004
OTHERS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "16-digit order": ("order number {}", lambda rnd: make_digits(rnd, 16)),
    "marketplace order": ("order {}", make_marketplace_order),
    "16 digits behind order": ("order {}", lambda rnd: make_digits(rnd, 16)),
    "13 digits behind order": ("order {}", lambda rnd: make_digits(rnd, 13)),
    "12 digits behind order": ("order {}", lambda rnd: make_digits(rnd, 12)),
    "12-digit parcel": ("tracking number {}", lambda rnd: make_digits(rnd, 12)),
    "bar code, named": ("EAN {}", make_gtin),
    "bar code, bare": ("{}", make_gtin),
    "IMEI, named": ("IMEI {}", lambda rnd: f"35{make_digits(rnd, 13)}"),
    "16 digits, bare": ("{}", lambda rnd: make_digits(rnd, 16)),
}


def main(count: int) -> None:
    """Print the share of cards left in clear, and of other numbers starred."""
    for kind, issuers in (("card", ISSUERS), ("short card", SHORT)):
        for name, text in BEFORE.items():
            rnd = random.Random(1)  # noqa: S311  # numbers for a measurement
            cards = (make_card(rnd, issuers) for _ in range(count))
            left = sum(number in mask_text(text.format(number)) for number in cards)
            print(f"{kind}, {name}: {left / count:.4%} left in clear")  # noqa: T201  # what a benchmark is for
    for name, (text, make) in OTHERS.items():
        rnd = random.Random(2)  # noqa: S311
        starred = sum("*" in mask_text(text.format(make(rnd))) for _ in range(count))
        print(f"{name}: {starred / count:.4%} starred")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
