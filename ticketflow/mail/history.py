"""Where earlier mail begins: quotation marks, "On … wrote:", header lines, separators; and mail that is handed on."""

import re
from collections.abc import Sequence

from ticketflow.mail.lines import Line, PartKind
from ticketflow.mail.phrases import containing, pattern, phrases, starting

_HEADER_NAMES = ("copy", "to", "date", "sent", "subject", "from")
_MAX_HEADER_LINES = 12
_MAX_ATTRIBUTION_LINES = 4
_MAX_SEPARATOR = 120
_MAX_ATTRIBUTION = 400
_EDGES = "-_=*\u2013\u2014:> \t"
_RULE = re.compile(r"[-_=*\u2013\u2014]{5,}+")
# When something was written, or by whom: a year or an hour, an address.
_DATED = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[:.h]\d\d(?!\d)|(?<!\d)\d{1,2}[./]\d{1,2}[./]\d\d(?!\d)")
_DATE_FIRST = re.compile(r"(?:[^\W\d]{2,12}[.,]{0,2} )?\d{1,4}(?:[./ -]|年|th |st |nd |rd )")
_NAME_FIRST = re.compile(r"[^<>@]{0,80}<[^<>@\s]{1,80}@[^<>\s]{1,80}>")
_SIGNED = re.compile(r":[\s>]*\Z")


def mark_history(lines: Sequence[Line], *, is_reply: bool, is_passed_on: bool) -> None:
    """Mark what is earlier mail, and what is handed on.

    Args:
        lines: Of the body.
        is_reply: Whether the subject says that this answers something.
        is_passed_on: Whether the subject says that something is handed on.
    """
    has_attribution = False
    for index, line in enumerate(lines):
        if line.is_quoted:
            line.kind = "quoted"
            continue
        rest = _find_rest(lines, index, is_reply=is_reply, is_passed_on=is_passed_on)
        if rest is not None:
            _mark_rest(lines, index, rest)
            break
        first = _find_attribution(lines, index)
        if first is not None:
            has_attribution = True
            for each in lines[first : index + 1]:
                each.kind = "frame"  # no fact of anybody's, even where nothing else is there
            if index + 1 < len(lines) and not lines[index + 1].is_quoted:
                _mark_rest(lines, index + 1, "quoted")
                break
    if not (has_attribution or is_reply):
        _keep_pasted(lines)


def _find_rest(lines: Sequence[Line], index: int, *, is_reply: bool, is_passed_on: bool) -> PartKind | None:
    """Tell what all that follows is, from this line on; ``None`` when it goes on as before."""
    line = lines[index]
    if len(line.text) <= _MAX_SEPARATOR:
        bare = line.plain.strip(_EDGES)
        if bare in phrases("forwarded"):
            return "forwarded"
        if bare in phrases("original"):
            return "forwarded" if is_passed_on else "quoted"
        if index and containing("above").search(line.plain):
            return "quoted"
    if not _is_header_block(lines, index):
        return None
    is_all = not any(each.kind == "own" and not _RULE.fullmatch(each.text) for each in lines[max(0, index - 2) : index])
    return "forwarded" if is_passed_on or (is_all and index <= 1 and not is_reply) else "quoted"


def _mark_rest(lines: Sequence[Line], index: int, kind: PartKind) -> None:
    if index and _RULE.fullmatch(lines[index - 1].text):
        lines[index - 1].kind = "frame"
    for line in lines[index:]:
        line.kind = kind


def _name_headers(line: Line) -> set[str]:
    """Name the lines of a head that a line may be; programs make the names bold, or put blanks before the colon."""
    return {name for name in _HEADER_NAMES if pattern(f"headers.{name}", "[*_ ]{0,3}", "[*_ ]{0,3}:").match(line.plain)}


def _is_header_block(lines: Sequence[Line], index: int) -> bool:
    """Tell the head of a mail from a form or a journey: a sender, with a subject, a time or an address."""
    first = _name_headers(lines[index])
    if not first & {"from", "date", "sent", "subject"}:
        return False
    seen, strays, has_address = set(first), 0, "@" in lines[index].plain
    for line in lines[index + 1 : index + _MAX_HEADER_LINES]:
        names = _name_headers(line)
        strays += not names
        if strays > 1:  # one line may be the rest of a long one
            break
        seen |= names
        has_address = has_address or bool(names and "@" in line.plain)
    return "from" in seen and (
        ("subject" in seen and bool(seen & {"sent", "date", "to"})) or "sent" in seen or (has_address and len(seen) > 1)
    )


def _find_attribution(lines: Sequence[Line], index: int) -> int | None:
    """Find the first line of an "On … wrote:" that ends at this one; ``None`` where there is none."""
    if not _SIGNED.search(lines[index].plain[-5:]) or len(lines[index].text) > _MAX_ATTRIBUTION:
        return None
    is_followed = index + 1 < len(lines) and lines[index + 1].is_quoted
    joined = ""
    likely: int | None = None
    for first in range(index, max(-1, index - _MAX_ATTRIBUTION_LINES), -1):
        line = lines[first]
        if first < index and (line.kind != "own" or lines[first + 1].is_after_gap):
            break
        joined = f"{line.plain} {joined}"
        if len(joined) > _MAX_ATTRIBUTION:
            break
        opens = any(each.match(joined) for each in (starting("openers"), _DATE_FIRST, _NAME_FIRST))
        is_sure = is_followed or "@" in joined or _DATED.search(joined)  # says when or who; a story need not
        if opens and is_sure and containing("wrote").search(joined):
            likely = first
    return likely


def _keep_pasted(lines: Sequence[Line]) -> None:
    """Give back what the customer put behind angle brackets themselves: commands, lines of a log.

    In a new message, right below words that lead to it.
    """
    for before, line in zip([None, *lines], lines, strict=False):
        is_led_to = before is not None and before.kind == "own" and not line.is_after_gap
        if line.is_quoted and line.kind == "quoted" and is_led_to and before and before.text[-1:] not in ".!?\u2026":
            line.kind = "own"
