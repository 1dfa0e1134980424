"""Numbers that are all a reply says: what they are numbers of stands in the question they answer."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.engines.embedded.facts.ids import COUNTED_DIGITS, KINDS, TOKEN, YEAR, load_id_words, word_kind
from ticketflow.mail.parts import Part

_WORD = re.compile(r"[^\W\d_]+")
# "It is LC-1234, thanks": more words than that say something else.
_MAX_WORDS = 4
_MAX_LINE = 80


class _Line(NamedTuple):
    start: int
    text: str
    is_own: bool


def find_answers(subject: str, body: str, parts: Sequence[Part]) -> list[Found]:
    """Find the ids that stand by themselves below a question for them, or below a subject that is one.

    Args:
        subject: Of the mail.
        body: All of it: the question is earlier mail.
        parts: What in it is whose.
    """
    lines = list(_read_lines(body, parts))
    own = [each for each in lines if each.is_own]
    answers: list[Found] = []
    for before, line in zip([None, *lines], lines, strict=False):
        is_below = before is not None and not before.is_own
        if not line.is_own or not (is_below or before is None):
            continue
        question = subject if len(own) == 1 and before is None else ""
        if is_below and before:
            question = before.text
        kind, found = _name_kind(question), _find_alone(line.text)
        if kind and found:
            start = line.start + found.start("id")
            answers.append(Found(kind, found["id"].upper(), found["id"], start, start + len(found["id"])))
    return answers


def _read_lines(body: str, parts: Sequence[Part]) -> Iterator[_Line]:
    """Read the lines that are not blank, each as the customer's if any of it is."""
    starts = [each["start"] for each in parts]
    place = 0
    for raw in body.split("\n"):
        end = place + len(raw)
        if raw.strip():
            within = parts[max(bisect_right(starts, place) - 1, 0) : bisect_left(starts, end)]
            yield _Line(place, raw, any(each["kind"] == "own" for each in within))
        place = end + 1


def _find_alone(line: str) -> re.Match[str] | None:
    """Find a number that is all a line says."""
    tokens = list(TOKEN.finditer(line)) if len(line) <= _MAX_LINE else []
    if len(tokens) != 1 or YEAR.match(tokens[0]["id"]) or sum(map(str.isdecimal, tokens[0]["id"])) < COUNTED_DIGITS:
        return None
    known = load_id_words()
    words = _WORD.findall(line[: tokens[0].start()]) + _WORD.findall(line[tokens[0].end() :])
    is_alone = all(each.lower() in known["links"] | known["number"] | known["beside"] for each in words)
    return tokens[0] if len(words) <= _MAX_WORDS and is_alone else None


def _name_kind(question: str) -> str | None:
    """Name what a question asks for the number of, if that is one thing."""
    kinds = {kind for word in _WORD.findall(question) if (kind := word_kind(word.lower()))}
    return kinds.pop() if len(kinds) == 1 and kinds <= set(KINDS) else None
