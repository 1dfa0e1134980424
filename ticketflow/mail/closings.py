"""What stands around the words of a mail: banners above, signatures and legal notices below."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from ticketflow.mail.lines import Line
from ticketflow.mail.phrases import containing, pattern, phrases, plain, starting

_BANNER_LINES = 4
_MIN_TERMS = 2
_MAX_SIGNED = 80  # characters of a line of a signature
_MAX_SENTENCE = 6  # words; what has more, and ends like a sentence, is one
_MAX_NAME = 4
_MAX_TAIL = 9
_DASHES = re.compile(r"--\Z|[_\u2013\u2014]{2,3}\Z")  # RFC 3676 §4.3, and what people make of it
_PIECES = re.compile(r"[,/|;]")
_POSTSCRIPT = re.compile(r"p\.? ?s\b")
_TRIMMED = " \t,.!*_~-\u2013\u2014:)("
# After the word that says what it is a number of; such a number is no part of who signs.
_NUMBER = r"\w{0,10}[^\w\n]{0,4}(?:\w{1,4}[^\w\n]{1,3})?\d"
_NAMES = re.compile(r"(?:[^\W\d_][\w'.-]*\s?){1,4}")
_COMPANY = r"gmbh|ltd|inc|llc|ag|s\.?a\.?|s\.?r\.?l|b\.?v|sp\. z o|oy|ab|aps"
_CONTACT = re.compile(rf"@|www\.|https?:|\+\d|\(\d|\d{{3}}|\b(?:{_COMPANY}|tel|fon|phone|mobil)\b")


def mark_banners(lines: Sequence[Line]) -> None:
    """Mark what a mail gateway put on top."""
    before = None
    for index, line in enumerate(lines[:_BANNER_LINES]):
        found = starting("banners").match(line.plain)
        goes_on = before is not None and not line.is_after_gap and containing("banner_terms").search(line.plain)
        if line.kind != "own" or not (found or goes_on):
            break
        if found and not any(each.kind == "own" for each in lines[index + 1 :]):
            line.content += found.end()  # a tag before the only words there are
            break
        line.kind, before = "frame", line


def mark_notices(lines: Sequence[Line]) -> None:
    """Mark legal text, paragraph by paragraph."""
    has_own = False
    pairs = enumerate(pairwise(lines), start=1)
    breaks = [at for at, (above, below) in pairs if below.is_after_gap or below.kind != above.kind]
    for start, end in pairwise([0, *breaks, len(lines)]):
        paragraph = lines[start:end]
        openings = [bool(starting("notices").match(each.plain.lstrip("*_- "))) for each in paragraph]
        begins = openings.index(True) if any(openings) else None
        terms = set(containing("notice_terms").findall(" ".join(each.plain for each in paragraph)))
        if begins is not None and (has_own or begins or terms):
            _mark(paragraph[begins:], "notice")
        elif len(terms) >= _MIN_TERMS and has_own:
            _mark(paragraph, "notice")
        has_own = has_own or any(each.kind == "own" for each in paragraph)


def mark_signatures(lines: Sequence[Line], name: str | None, *, has_own: bool) -> None:
    """Mark who signs and how they are reached: below two dashes, a sign-off, a phone's own line, or the sender's name.

    Args:
        lines: Of one stretch of the customer's own words, as it was written.
        name: The sender's, if known.
        has_own: Whether they said something before, above a quote.
    """
    index = 0
    while index < len(lines):
        line = lines[index]
        count = 0
        if line.kind == "own" and has_own:
            count = _count_signed(lines, index, name)
        elif line.kind == "own" and starting("sent_from").match(line.plain) and _is_short(line):
            count = 1
        has_own = has_own or not count
        _mark(lines[index : index + count], "signature")
        index += max(count, 1)


def _count_signed(lines: Sequence[Line], index: int, name: str | None) -> int:
    """Count the lines of a signature that begins here."""
    line = lines[index]
    if _DASHES.match(line.text):
        return len(lines) - index
    if starting("sent_from").match(line.plain) and _is_short(line):
        return 1
    below = _count_signature_like(lines[index + 1 : index + 1 + _MAX_TAIL])
    if is_closing(line.plain):
        return 1 + below
    is_last = index + 1 + below == len(lines)
    is_led_to = index > 0 and lines[index - 1].text.endswith(":")  # an address, not a signature
    if not is_last or is_led_to or not _NAMES.fullmatch(line.text.strip(_TRIMMED)):
        return 0
    if is_name(line.plain, name):
        return 1 + below
    contacts = sum(bool(_CONTACT.search(each.plain)) for each in lines[index + 1 :])
    return 1 + below if line.is_after_gap and contacts >= _MIN_TERMS else 0


def is_closing(text: str) -> bool:
    """Tell a sign-off, with or without a name behind it, from words that ask for something."""
    parts = [piece for part in _PIECES.split(text) for piece in pattern("joiners", r"\s", r"\s").split(part)]
    *pieces, last = [each for part in parts if (each := part.strip(_TRIMMED))] or [""]
    closings = phrases("closings")
    if not all(each in closings for each in pieces):
        return False
    if last in closings or (pieces and _NAMES.fullmatch(last)):
        return True
    found = starting("closings").match(last)
    if found is None or " " not in found[0]:  # "Thanks Kim" may go on, "Kind regards Kim" does not
        return False
    name = last[found.end() :].strip(_TRIMMED)
    return bool(_NAMES.fullmatch(name)) and len(name.split()) < _MAX_NAME


def is_name(text: str, name: str | None) -> bool:
    """Tell whether a line is the sender's name, whole or the first or last of it."""
    words = plain(name or "").replace(",", " ").split()
    written = text.strip(_TRIMMED).split()
    return bool(written and words) and set(written) <= set(words)


def _count_signature_like(lines: Sequence[Line]) -> int:
    """Count lines that may stand below a sign-off: short, no sentence, no question."""
    for count, line in enumerate(lines):
        is_sentence = line.text[-1] in ".!" and len(line.text.split()) >= _MAX_SENTENCE
        if not _is_short(line) or is_sentence or _POSTSCRIPT.match(line.plain) or line.kind not in {"own", "form"}:
            return count
    return len(lines)


def _is_short(line: Line) -> bool:
    return len(line.text) <= _MAX_SIGNED and "?" not in line.text


def _mark(lines: Sequence[Line], kind: Literal["signature", "notice"]) -> None:
    for line in lines:
        if line.kind == "own" or (kind == "notice" and line.kind == "forwarded"):
            is_fact = kind == "signature" and pattern("numbered", r"(?<!\w)", _NUMBER).search(line.plain)
            line.kind = "form" if is_fact else kind
