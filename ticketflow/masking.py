"""Star out card and bank account numbers before anything keeps them.

Found by length, issuer and checksum, however they are written: in one piece, in groups with up to
three characters between them that are neither letters nor digits, glued to words, in full-width or
other digits. A number that only happens to fit is starred too: better that than one left in clear.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

Span = tuple[int, int]

VISIBLE = 4  # PCI DSS 4.0, requirement 3.4.1: at most the first six and last four digits
COUNTRY = 2

# First digits and lengths, as issuers publish them; Maestro's 50 and 56-69 also take in RuPay, Verve, Elo and others.
_ISSUERS = (
    (r"4", {13, 16, 18, 19}),  # Visa, V Pay
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", {16}),  # Mastercard
    (r"3[47]", {15}),  # American Express
    (r"30[0-59]|3[689]", {14, 16, 19}),  # Diners Club
    (r"35|8[12]", {16, 17, 18, 19}),  # JCB, UnionPay, RuPay
    (r"2131|1800", {15}),  # JCB, the old ones
    (r"50|5[6-9]|6|0604", {12, 13, 14, 15, 16, 17, 18, 19}),  # Maestro, Discover, UnionPay
    (r"220[0-4]|9792", {16, 17, 18, 19}),  # Mir, Troy
)
_ISSUER_PATTERNS = tuple((re.compile(first), lengths) for first, lengths in _ISSUERS)
# How cards print their digits; in other groups the separators must all be alike.
_CARD_GROUPS = re.compile(r"(?:4 )*[1-4] |4 6 [45] ")

# SWIFT IBAN registry, release 101, and the countries that use IBANs without being in it.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "AX DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE GG IE IM JE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "AO CV GW LY MZ PT ST",
        26: "DZ IR IS TR",
        27: "BI BL CF CG CM DJ FR GA GF GP GQ GR IT KM MC MF MG MQ MR NC PF PM RE SM TD TF WF YT",
        28: "AL AZ BF BJ BY CI CY DO GT HN HU LB MA ML NE NI PL SN SV TG",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}

_GAP = r"[\W_]{0,3}"
_DIGITS = re.compile(rf"\d(?:{_GAP}\d){{11,}}")
_IBAN_START = re.compile(rf"(?=([A-Z]){_GAP}([A-Z]){_GAP}\d{_GAP}\d)")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]+")
_IN_FOURS = re.compile(r"[A-Z]{2}\d\d(?:[\W_]+[A-Z\d]{4})*(?:[\W_]+[A-Z\d]{1,4})?")
# Made by machines and full of digits: UUIDs, hexadecimal digests, long fractions.
_MACHINE_ID = re.compile(
    r"(?<![A-Z\d])(?:[A-F\d]{8}(?:-[A-F\d]{4}){3}-[A-F\d]{12}|(?=\d*[A-F])[A-F\d]{32,}|0\.\d{12,})(?![A-Z\d])"
)
MAX_CARD_DIGITS = 19  # ISO/IEC 7812-1
PHONE_DIGITS = 15  # ITU-T E.164: what a plus introduces is no longer
_DOUBLED = str.maketrans("0123456789", "0246813579")


@dataclass(frozen=True, slots=True)
class PaymentNumber:
    """A card or account number in a text.

    Attributes:
        kind: What it is.
        value: The number without separators, starred.
        text: As written, starred.
        start: First character, zero-based.
        end: One past the last character.
    """

    kind: Literal["card", "iban"]
    value: str
    text: str
    start: int
    end: int


def mask_payment_numbers(text: str) -> tuple[str, list[PaymentNumber]]:
    """Star out card and account numbers; no character moves.

    Returns:
        The text with all but the last four characters of each number (and an account's country)
        starred, separators kept; and the numbers in order of appearance.
    """
    folded = _fold(text)
    ibans = find_ibans(folded)
    cards = find_cards(_star(folded, ibans, COUNTRY))
    masked = _star(_star(text, ibans, COUNTRY), cards, 0)
    found: list[tuple[Literal["card", "iban"], Span]] = [("iban", span) for span in ibans]
    found += [("card", span) for span in cards]
    return masked, [_describe(kind, masked, span) for kind, span in sorted(found, key=lambda each: each[1])]


def mask_text(text: str) -> str:
    """Star out card and account numbers in a text."""
    return mask_payment_numbers(text)[0]


def mask_all(value: Any) -> Any:
    """Star out card and account numbers in every string of plain JSON, names included.

    A number that is one becomes a string; what is neither text nor number nor holds any is given back as it is.
    """
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_all(name): mask_all(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [mask_all(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        written = repr(value)
        masked = mask_text(written)
        return value if masked == written else masked
    return value


def find_ibans(text: str) -> list[Span]:
    """Locate account numbers: country and length of the registry, and a valid checksum."""
    text = _fold(text)
    spans: list[Span] = []
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(found[1] + found[2])
        written = _characters(length).match(text, found.start()) if length else None
        if written and _is_iban(written[0]) and (not spans or spans[-1][1] <= written.start()):
            spans.append(written.span())
    return _without_machine_ids(text, spans)


def find_cards(text: str) -> list[Span]:
    """Locate card numbers: an issuer's first digits and length, and a valid check digit.

    Where two overlap, only one can be right; they are given as one.
    """
    text = _fold(text)
    spans: list[Span] = []
    for found in _DIGITS.finditer(text):
        for start, end in _cards_in(text, found.start(), found.end()):
            if spans and start < spans[-1][1]:
                before = spans.pop()
                spans.append((before[0], max(end, before[1])))
            else:
                spans.append((start, end))
    return _without_machine_ids(text, spans)


def is_luhn_valid(digits: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1 annex B) of a string of digits."""
    return bool(digits) and sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def is_iban_valid(compact: str) -> bool:
    """Check the mod 97 checksum (ISO 13616, ISO/IEC 7064) of an IBAN without separators, in capitals."""
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _cards_in(text: str, first: int, last: int) -> Iterator[Span]:
    """Try every run of whole groups of digits."""
    places = [place for place in range(first, last) if text[place].isdecimal()]
    digits = "".join(text[place] for place in places)
    ends = {index + 1 for index, (one, other) in enumerate(pairwise(places)) if other > one + 1} | {len(places)}
    after_plus = PHONE_DIGITS if first and text[first - 1] == "+" else 0
    for start in sorted({0, *ends} - {len(places)}):
        for length in _card_lengths(digits[start : start + 4]):
            end = start + length
            if end not in ends or end <= after_plus or not is_luhn_valid(digits[start:end]):
                continue
            written = text[places[start] : places[end - 1] + 1]
            if _is_grouped_like_one_number(written):
                yield places[start], places[end - 1] + 1


def _without_machine_ids(text: str, spans: list[Span]) -> list[Span]:
    machine_ids = [found.span() for found in _MACHINE_ID.finditer(text)] if spans else []
    return [
        (start, end) for start, end in spans if not any(start < last and first < end for first, last in machine_ids)
    ]


@lru_cache(maxsize=10_000)
def _card_lengths(first_digits: str) -> tuple[int, ...]:
    return tuple(
        sorted({length for first, lengths in _ISSUER_PATTERNS if first.match(first_digits) for length in lengths})
    )


def _is_grouped_like_one_number(written: str) -> bool:
    """Tell a number in groups from several amounts, dates or times in a row."""
    gaps = {_INVISIBLE.sub("", gap) for gap in re.findall(r"\D+", written)} - {""}
    if len({gap.strip() for gap in gaps}) <= 1:
        return True
    sizes = "".join(f"{len(group)} " for group in re.findall(r"\d+", written))
    return bool(_CARD_GROUPS.fullmatch(sizes))


def _is_iban(written: str) -> bool:
    compact = re.sub(r"[\W_]", "", written)
    if not is_iban_valid(compact):
        return False
    # Words of a sentence pass the checksum one time in a hundred, but are neither digits nor groups of four.
    mostly_digits = 2 * sum(map(str.isdecimal, compact)) >= len(compact)
    return mostly_digits or compact == written or bool(_IN_FOURS.fullmatch(written))


@lru_cache
def _characters(count: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Z\d](?:{_GAP}[A-Z\d]){{{count - 1}}}(?!\d)")


def _fold(text: str) -> str:
    """Write capitals and ASCII digits for all that look like them, character by character."""
    return text.upper() if text.isascii() else "".join(map(_fold_character, text))


@lru_cache(maxsize=10_000)
def _fold_character(character: str) -> str:
    if character.isdecimal():
        return str(int(character))
    folded = unicodedata.normalize("NFKC", character).upper()
    return folded if len(folded) == 1 else character


def _star(text: str, spans: list[Span], keep: int) -> str:
    """Star the letters and digits of spans except the first ``keep`` and the last four."""
    if not spans:
        return text
    characters, folded = list(text), _fold(text)
    for start, end in spans:
        places = [place for place in range(start, end) if folded[place].isalnum()]
        for place in places[keep:-VISIBLE]:
            characters[place] = "*"
    return "".join(characters)


def _describe(kind: Literal["card", "iban"], masked: str, span: Span) -> PaymentNumber:
    written = masked[slice(*span)]
    value = "".join(each for each in _fold(written) if each.isalnum() or each == "*")
    return PaymentNumber(kind, value, written, *span)
