"""E-mail addresses, phone numbers and links."""

import re

import phonenumbers

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.workflow.steps.personal_data import find_emails, find_links

# Where a number without a country code most likely belongs; a guess that only formats, never dials.
_REGIONS = {
    "en": "US", "de": "DE", "fr": "FR", "es": "ES", "it": "IT", "pt": "PT", "nl": "NL", "pl": "PL", "sv": "SE",
    "da": "DK", "no": "NO", "fi": "FI", "cs": "CZ", "hu": "HU", "ro": "RO", "tr": "TR", "el": "GR", "ru": "RU",
    "uk": "UA", "ja": "JP", "ko": "KR", "zh": "CN", "hi": "IN", "he": "IL", "id": "ID", "vi": "VN",
}  # fmt: skip
_MANY_DIGITS = re.compile(r"(?:\d[\s().+/-]*){7}")
# 300 phone numbers. The matcher takes 0.2 ms for each candidate: a paste of figures must not hold a worker.
_ALL_DIGITS_READ = re.compile(r"(?:\D*+\d){3000}")
_BARE_DIGITS = re.compile(r"\A\d+\Z")
_PHONE_WORD = re.compile(
    r"(?:phone|mobile|cell|call(?: me)?|text me|tel|telefon|handy|ruf|num[ée]ro|t[ée]l|m[óo]vil|whatsapp|reach me)"
    r"\W*(?:\w+\W+){0,3}\Z",
    re.IGNORECASE,
)


def find_links_and_emails(text: str) -> list[Found]:
    """Find web addresses and e-mail addresses (the latter in small letters)."""
    links = [Found("url", text[s:e], text[s:e], s, e) for s, e in find_links(text)]
    return links + [Found("email", text[s:e].lower(), text[s:e], s, e) for s, e in find_emails(text)]


def find_phone_numbers(text: str, language: str) -> list[Found]:
    """Find phone numbers and normalise them to E.164.

    Args:
        text: Any text.
        language: ISO 639-1 code; picks the country of numbers written without one.
    """
    if not _MANY_DIGITS.search(text):
        return []
    read = _ALL_DIGITS_READ.match(text)
    matches = phonenumbers.PhoneNumberMatcher(read[0] if read else text, _REGIONS.get(language))
    return [_found(match) for match in matches if _is_meant(text, match.start, match.raw_string)]


def _found(match: phonenumbers.PhoneNumberMatch) -> Found:
    value = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
    return Found("phone", value, match.raw_string, match.start, match.end)


def _is_meant(text: str, start: int, written: str) -> bool:
    """Bare digits are a phone number only after a word that says so."""
    return not _BARE_DIGITS.match(written) or bool(_PHONE_WORD.search(text[max(0, start - 40) : start]))
