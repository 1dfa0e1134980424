"""Recognise personal data by shape and checksum; shared by review and by the engines' extractors."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

# Issuer identification numbers of payment cards begin with 3 to 6 (ISO/IEC 7812); 2221-2720 is Mastercard's.
_CARD = re.compile(r"(?<![\w.,-])(?:[3-6]|2[2-7])\d*(?:[ -]?\d){11,18}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9_][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b")
# A phone number as people write it: a plus, brackets or separators between groups of digits.
_PHONE = re.compile(
    r"(?<![\w.,/#-])(?:\+|00)?\(?\d{1,4}\)?(?:[ ./-]{1,2}\(?\d{2,6}\)?){2,5}(?![\w/-])|\+\d{8,15}(?!\w)"
)
_DATE = re.compile(r"\A(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4})\Z")
_LINK = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'”»]+", re.IGNORECASE)
CARD_DIGITS = range(13, 20)  # ISO/IEC 7812-1: up to 19; Visa once issued 13
IBAN_LENGTHS = range(15, 35)  # ISO 13616: Norway 15, at most 34
PHONE_DIGITS = range(8, 16)  # ITU-T E.164: at most 15


def is_luhn_valid(digits: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1 annex B) of a string of digits."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + position % 2)
        total += doubled - 9 * (doubled > 9)  # noqa: PLR2004  # digit sum of a two-digit product
    return bool(digits) and total % 10 == 0


def is_iban_valid(compact: str) -> bool:
    """Check the mod 97 checksum (ISO 13616, ISO/IEC 7064) of an IBAN without spaces, upper case."""
    if len(compact) not in IBAN_LENGTHS or not compact.isascii():
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def find_cards(text: str) -> list[Span]:
    """Locate payment card numbers: plausible length and issuer, valid Luhn digit."""
    return [found.span() for found in _CARD.finditer(text) if is_card(re.sub(r"\D", "", found[0]))]


def is_card(digits: str) -> bool:
    """Tell whether digits have a card number's length and checksum, and are not one digit repeated."""
    return len(digits) in CARD_DIGITS and len(set(digits)) > 1 and is_luhn_valid(digits)


def find_ibans(text: str) -> list[Span]:
    """Locate international bank account numbers with a valid checksum."""
    return [span for found in _IBAN.finditer(text) if (span := _valid_prefix(found[0], found.start()))]


def find_emails(text: str) -> list[Span]:
    """Locate e-mail addresses."""
    return [found.span() for found in _EMAIL.finditer(text)]


def find_phones(text: str) -> list[Span]:
    """Locate what is written like a phone number, whoever's it is."""
    return [found.span() for found in _PHONE.finditer(text) if is_phone_like(found[0])]


def is_phone_like(written: str) -> bool:
    """Tell a phone number from dates and short groups of digits."""
    return len(re.sub(r"\D", "", written)) in PHONE_DIGITS and not _DATE.match(written.strip())


def find_links(text: str) -> list[Span]:
    """Locate web addresses, without the punctuation that follows them."""
    return [(found.start(), found.start() + len(found[0].rstrip(".,;:!?)]}"))) for found in _LINK.finditer(text)]


def _valid_prefix(written: str, start: int) -> Span | None:
    """Find the longest valid IBAN at the start of a candidate: a following word may look part of it."""
    for end in _word_ends(written):
        if is_iban_valid(written[:end].replace(" ", "").upper()):
            return start, start + end
    return None


def _word_ends(written: str) -> Iterator[int]:
    yield len(written)
    for found in reversed(list(re.finditer(" ", written))):
        yield found.start()
