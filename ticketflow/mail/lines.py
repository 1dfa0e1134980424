"""The lines of a mail, each with what is known of it."""

import re
from dataclasses import dataclass, field
from typing import Literal

from ticketflow.mail.phrases import plain

PartKind = Literal["own", "forwarded", "form", "quoted", "signature", "notice", "frame"]

# What is looked at: nobody writes more, and what is pasted below counts as the customer's.
MAX_LINES = 3_000
MAX_CHARACTERS = 100_000
_LOOKED_AT = 400  # of a line; phrases stand at its beginning
_QUOTED = re.compile(r"[ \t]*+(?:>[ \t]?)++")


@dataclass(slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        start: Where its first visible character stands in the body.
        end: One past its last visible character.
        text: What is written, without blanks around it and without quotation marks.
        is_after_gap: Whether a blank line stands before it, or nothing.
        is_quoted: Whether quotation marks begin it.
        kind: What it was found to be.
        content: Where that begins; what stands before is a frame around it.
        plain: The beginning of the text, folded for comparing.
    """

    start: int
    end: int
    text: str
    is_after_gap: bool
    is_quoted: bool
    content: int
    kind: PartKind = "own"
    plain: str = field(init=False)

    def __post_init__(self) -> None:
        """Fold the beginning of the line: small letters, plain signs."""
        self.plain = plain(self.text[:_LOOKED_AT])


def read_lines(body: str) -> list[Line]:
    """Read the lines of a body that are not blank, as far as anybody reads."""
    lines: list[Line] = []
    place, is_after_gap = 0, True
    for raw in body[:MAX_CHARACTERS].split("\n"):
        text = raw.strip()
        if text:
            start = place + raw.index(text[0])
            marks = _QUOTED.match(text)
            inner = text[marks.end() :].lstrip() if marks else text
            if inner.startswith(":"):  # the end of "… <address\n>:", where a long line was broken
                marks, inner = None, text
            content = start + len(text) - len(inner)
            lines.append(Line(start, start + len(text), inner, is_after_gap, marks is not None, content))
            if len(lines) == MAX_LINES:
                break
        is_after_gap = not text
        place += len(raw) + 1
    return lines
