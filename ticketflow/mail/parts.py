"""Tell the customer's own words from what else stands in a mail: quotes, signatures, notices, frames.

Line by line, each line looked at a bounded number of times, whatever it is made of. Where nothing says otherwise a line
is the customer's: what is missed costs less than words that are lost.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TypedDict

from ticketflow.mail.closings import mark_banners, mark_notices, mark_signatures
from ticketflow.mail.forms import mark_forms, mark_turns
from ticketflow.mail.history import mark_history
from ticketflow.mail.lines import Line, PartKind, read_lines
from ticketflow.mail.phrases import pattern, plain

WORDS: tuple[PartKind, ...] = ("own", "forwarded")
"""What the customer says, and what they hand on for us to read."""

FACTS: tuple[PartKind, ...] = (*WORDS, "form")
"""Where facts may stand: the customer's words, and the fields they filled in."""

# More parts than any mail has: what comes after so many counts as the customer's.
MAX_PARTS = 400
_VISIBLE = re.compile(r"[^\n]")
_SEVERAL = r"(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s?:"  # Re[2]:
_MAX_TOPIC = 200
_LABEL_END = r")[*_]{0,2}\s{0,3}:[*_]{0,2}\s*"
# Fewer lines like these are something a person may write.
_MIN_PRINTED = 3
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL)\b"
_MOMENT = r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?"
# Frames of stack traces (Java, JavaScript, .NET, Python, PHP, Ruby, gdb), lines of logs (log4j, logback, logging,
# syslog, access logs of Apache and nginx), and what else is printed around them.
_PRINTED = re.compile(
    r"at [\w$.<>/@ \[\]-]{1,200}\(.{0,200}\)\Z|at (?:async )?[\w$./\\:@-]{1,300}:\d{1,7}(?::\d{1,7})?\)?\Z"
    r"|File \".{1,300}\", line \d|Traceback \(most recent call|Caused by: |Suppressed: |Exception in thread "
    r"|\.{3} \d{1,6} (?:more|common frames)|#\d{1,4}\s{1,3}(?:0x[0-9a-f]{1,16} in )?[\w{/\\.:$>-]{1,200} ?\("
    r"|from .{1,300}:\d{1,7}:in [`']|goroutine \d{1,9} \["
    r"|(?:[\w$]{1,60}\.){0,12}[A-Z][\w$]{0,80}(?:Exception|Error)(?::|\Z)"
    rf"|{_MOMENT}\s{{1,4}}(?:\[|{_LEVEL}|[\w.-]{{1,60}}=|[\w.-]{{1,60}}\[\d)|\[?{_LEVEL}\]?[ :\t]"
    r"|\d\d:\d\d:\d\d[.,]\d{3}\s|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,80} [\w./-]{1,60}(?:\[\d{1,9}\])?:"
    r"|\d{1,3}(?:\.\d{1,3}){3} \S{1,60} \S{1,60} \["
)
_INDENTED = re.compile(r"(?: {2,}|\t)\S")


class Part(TypedDict):
    """A stretch of the body.

    Attributes:
        kind: ``own`` (the customer's words), ``forwarded`` (somebody's words they hand on), ``form`` (fields of a form
            they filled in), ``quoted`` (earlier mail), ``signature``, ``notice`` (legal text), or ``frame`` (quotation
            marks, banners, rules and labels).
        start: First character, zero-based, in the body.
        end: One past the last character.
    """

    kind: PartKind
    start: int
    end: int


@lru_cache(maxsize=8)  # a step that asks twice, and a measurement that asks for each step
def _split(subject: str, body: str, name: str | None) -> tuple[tuple[PartKind, int, int], ...]:
    lines = read_lines(body)
    is_reply, is_passed_on = is_prefixed(subject, "replied"), is_prefixed(subject, "passed_on")
    mark_turns(lines, name)
    mark_history([each for each in lines if each.kind == "own"], is_reply=is_reply, is_passed_on=is_passed_on)
    mark_forms(lines)
    mark_banners(lines)
    mark_notices([each for each in lines if each.kind in WORDS])
    has_own = False
    for is_own, stretch in groupby(lines, lambda each: each.kind in {"own", "form"}):
        if is_own:
            mark_signatures(list(stretch), name, has_own=has_own)
            has_own = True
    if not any(each.kind in WORDS and each.content < each.end for each in lines):
        # The customer's is what a form says without a message, or what they sent with quotation marks around it.
        kind: PartKind = "form" if any(each.kind == "form" for each in lines) else "quoted"
        for line in lines:
            if line.kind == kind and not (kind == "quoted" and is_reply):
                line.kind = "own"
    return tuple(_join(lines, len(body)))


def split_mail(subject: str, body: str, name: str | None = None) -> list[Part]:
    """Split a body into parts that cover it, in order; a text in one piece has one, ``own``.

    Args:
        subject: Says whether the mail answers something, or hands it on.
        body: As it is kept: decoded and masked.
        name: The sender's, which may stand below.
    """
    return [Part(kind=kind, start=start, end=end) for kind, start, end in _split(subject, body, name)]


def join_words(body: str, parts: Sequence[Part]) -> str:
    """Return the customer's words, and what they hand on, without anything between."""
    return "".join(body[part["start"] : part["end"]] for part in parts if part["kind"] in WORDS).strip()


def blank_others(body: str, parts: Sequence[Part]) -> str:
    """Return the body with blanks where no facts of the customer's can stand: what is left keeps its place."""
    return "".join(
        text if part["kind"] in FACTS else _VISIBLE.sub(" ", text)
        for part in parts
        for text in [body[part["start"] : part["end"]]]
    )


def find_topic(body: str, parts: Sequence[Part]) -> str | None:
    """Find what a form was filled in about: the reason or subject chosen in it, if it has such a field."""
    topics = pattern("form.topics", "[*_]{0,2}(?:", _LABEL_END)
    for part in parts:
        for line in body[part["start"] : part["end"]].splitlines() if part["kind"] == "form" else ():
            text = line.strip()
            if (found := topics.match(plain(text))) and (topic := text[found.end() :].strip()):
                return topic[:_MAX_TOPIC]
    return None


def drop_printed(text: str) -> str:
    """Leave out pasted stack traces and logs, which sort and find nothing; a few such lines stay."""
    lines = text.split("\n")
    printed: list[bool] = []
    for line in lines:
        # The code that a Python trace shows stands indented below its place.
        goes_on = bool(printed) and printed[-1] and _INDENTED.match(line) is not None
        printed.append(goes_on or _PRINTED.match(line.strip()) is not None)
    if sum(printed) < _MIN_PRINTED:
        return text
    return "\n".join(line for line, is_printed in zip(lines, printed, strict=True) if not is_printed)


def is_prefixed(subject: str, name: str) -> bool:
    """Tell whether a subject begins with one of the prefixes mail programs put there, ``replied`` or ``passed_on``."""
    return bool(pattern(name, "", _SEVERAL).match(plain(subject.strip()[:40])))


def _join(lines: Sequence[Line], length: int) -> Iterator[tuple[PartKind, int, int]]:
    """Join lines of a kind; what comes after the last is of its kind, and what is not looked at the customer's."""
    pieces: list[tuple[PartKind, int]] = []
    for line in lines:
        if line.kind not in FACTS:
            pieces.append((line.kind, line.start))
        elif line.content < line.end:
            pieces += [("frame", line.start)] * (line.content > line.start)
            pieces.append((line.kind, line.content))
    merged = [next(stretch) for _, stretch in groupby(pieces, lambda each: each[0])][:MAX_PARTS] or [("own", 0)]
    if len(merged) == MAX_PARTS:
        merged[-1] = ("own", merged[-1][1])
    starts = [0, *(start for _, start in merged[1:]), length]
    for (kind, _), start, end in zip(merged, starts, starts[1:], strict=False):
        yield kind, start, end
