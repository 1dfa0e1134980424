"""Ids as the operator's own business writes them: patterns learned from a few examples."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.engines.embedded.facts.ids import announced_kind
from ticketflow.engines.embedded.taxonomy import IdHint
from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

# Numbers grow: one that follows a fixed word or separator may have this many digits more than any example.
GROWTH = 2
# A pattern of an operator's that takes longer for a text finds nothing in it. On ordinary ones it takes a millisecond.
LIMIT_S = 0.3
_PART = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9]+")
_BOUNDS = r"(?<![\w@])(?:{})(?![\w@]|[-/_]\w)"
_KINDS = (
    (re.compile(r"[0-9]+"), r"\d"),
    (re.compile(r"[A-Za-z]+"), "[A-Z]"),
)
_MIXED = "[A-Z0-9]"


@dataclass(frozen=True, slots=True)
class LearnedIds:
    """What one hint looks for.

    Attributes:
        type: Entity type.
        pattern: What its ids look like.
        is_plain: Whether its ids are bare digits, of which only the words around tell what they are.
        is_folded: Whether ids are kept in capitals.
    """

    type: str
    pattern: "regex.Pattern[str]"
    is_plain: bool
    is_folded: bool

    def find(self, text: str) -> list[Found]:
        """Find the ids; bare digits only where no word near says that they are something else."""
        try:
            matches = list(self.pattern.finditer(text, timeout=LIMIT_S))
        except TimeoutError:
            log.warning("extract.pattern_too_slow", entity_type=self.type, characters=len(text), limit_s=LIMIT_S)
            return []
        return [self._found(match) for match in matches if self._is_meant(text, match)]

    def _found(self, match: "regex.Match[str]") -> Found:
        value = match[0].upper() if self.is_folded else match[0]
        return Found(self.type, value, match[0], match.start(), match.end())

    def _is_meant(self, text: str, match: "regex.Match[str]") -> bool:
        return not self.is_plain or announced_kind(text, match.start()) in {None, self.type}


def learn_ids(hints: Iterable[IdHint]) -> list[LearnedIds]:
    """Make finders of hints, those that can tell their ids from other numbers first."""
    learned = [
        LearnedIds(
            type=hint.type,
            pattern=compile_pattern(hint.pattern or learn_pattern(hint.examples)),
            is_plain=not hint.pattern and any(example.isdecimal() for example in hint.examples),
            is_folded=all(example == example.upper() for example in hint.examples),
        )
        for hint in hints
    ]
    return sorted(learned, key=lambda each: each.is_plain)


def compile_pattern(pattern: str) -> "regex.Pattern[str]":
    """Compile what a whole id looks like, for an engine whose searches can be given a limit of time."""
    return regex.compile(_BOUNDS.format(pattern), regex.IGNORECASE)


def learn_pattern(examples: Sequence[str]) -> str:
    r"""Derive a regular expression from examples: same letters stay, digits keep their number, or grow a little.

    Examples with the same separators make one alternative: ``ORD-1234`` and ``ORD-20411`` make
    ``ORD-\d{4,7}``, ``A1-77`` beside them makes another one.
    """
    shapes: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for example in examples:
        parts = [piece for part in _PART.findall(example.strip()) for piece in _split(part)]
        shapes[tuple(_shape(part) for part in parts)].append(parts)
    return "|".join(_generalise(alike) for alike in shapes.values())


def _split(part: str) -> list[str]:
    """Take a word and the number that follows it apart; what is mixed in any other way stays whole."""
    glued = re.fullmatch(r"([A-Za-z]+)([0-9]+)", part)
    return [glued[1], glued[2]] if glued else [part]


def _shape(part: str) -> str:
    return next((kind for known, kind in _KINDS if known.fullmatch(part)), _MIXED if part.isalnum() else part)


def _generalise(alike: list[list[str]]) -> str:
    """Join what examples of one shape have in common, part by part."""
    grows = len(alike[0]) > 1
    return "".join(_generalise_part(list(column), grows=grows) for column in zip(*alike, strict=True))


def _generalise_part(written: list[str], *, grows: bool) -> str:
    kind = _shape(written[0])
    if kind != r"\d" and len({each.upper() for each in written}) == 1 and kind != _MIXED:
        return re.escape(written[0])
    shortest, longest = min(map(len, written)), max(map(len, written))
    if kind == r"\d" and grows:
        longest += GROWTH
    has_digit = r"(?=[A-Z]*\d)" if kind == _MIXED else ""
    return f"{has_digit}{kind}{{{shortest},{longest}}}"
