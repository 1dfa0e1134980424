"""Recognise addresses, phone numbers and links by their shape; shared by review and by the engines' extractors."""

import re

Span = tuple[int, int]

_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9_][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b")
# A phone number as people write it: a plus, brackets or separators between groups of digits.
_PHONE = re.compile(
    r"(?<![\w.,/#-])(?:\+|00)?\(?\d{1,4}\)?(?:[ ./-]{1,2}\(?\d{2,6}\)?){2,5}(?![\w/-])|\+\d{8,15}(?!\w)"
    r"|\+\d{1,3}(?:[ ./-]{1,2}\(?\d{2,10}\)?){1,5}(?![\w/-])"
)
_DATE = re.compile(r"\A(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4})\Z")
# A number somebody keeps a file under: letters and digits in one piece or joined, as in ORD-2026-0017.
_REFERENCE = re.compile(r"(?<![\w@.,/=?&-])#?[A-Za-z]{0,8}[-_]?\d[A-Za-z\d]*(?:[-_/][A-Za-z\d]+)*(?![\w@]|[.,]\d)")
_LINK = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'\u201c\u201d\u201e\u2018\u2019»«]+", re.IGNORECASE)
REFERENCE_DIGITS = 6
PHONE_DIGITS = range(8, 16)  # ITU-T E.164: at most 15


def find_emails(text: str) -> list[Span]:
    """Locate e-mail addresses."""
    return [found.span() for found in _EMAIL.finditer(text)]


def find_phones(text: str) -> list[Span]:
    """Locate what is written like a phone number, whoever's it is."""
    return [found.span() for found in _PHONE.finditer(text) if is_phone_like(found[0])]


def is_phone_like(written: str) -> bool:
    """Tell a phone number from dates and short groups of digits."""
    return len(re.sub(r"\D", "", written)) in PHONE_DIGITS and not _DATE.match(written.strip())


def find_references(text: str) -> list[Span]:
    """Locate order, invoice and customer numbers, whoever's they are: six digits or more, and no phone or date."""
    phones = find_phones(text)
    return [
        (start, end)
        for start, end in (found.span() for found in _REFERENCE.finditer(text))
        if len(re.sub(r"\D", "", text[start:end])) >= REFERENCE_DIGITS
        and not _DATE.match(text[start:end])
        and not any(start < last and first < end for first, last in phones)
    ]


def find_links(text: str) -> list[Span]:
    """Locate web addresses, without the punctuation that follows them."""
    return [(found.start(), found.start() + len(found[0].rstrip(".,;:!?)]}"))) for found in _LINK.finditer(text)]
