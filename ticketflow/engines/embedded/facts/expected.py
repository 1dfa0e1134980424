"""What an operator's taxonomy says to look for: ids, by patterns learned from a few examples, and product names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import regex

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.engines.embedded.facts.ids import announced_kind
from ticketflow.engines.embedded.taxonomy import IdHint, Product, Taxonomy
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
# Letters and digits apart, so that "TrailRunner3" and "trail-runner 3" differ by gaps only.
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_GAP = re.compile(r"[\s\-\u2010-\u2015_.\u2019'\xae\u2122\xa9]{0,3}")
MORE_PIECES = 2


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
        return [
            Found(self.type, match[0].upper() if self.is_folded else match[0], match[0], match.start(), match.end())
            for match in matches
            if not self.is_plain or announced_kind(text, match.start()) in {None, self.type}
        ]


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
    return "|".join(
        "".join(_generalise(list(column), grows=len(alike[0]) > 1) for column in zip(*alike, strict=True))
        for alike in shapes.values()
    )


def _split(part: str) -> list[str]:
    """Take a word and the number that follows it apart; what is mixed in any other way stays whole."""
    glued = re.fullmatch(r"([A-Za-z]+)([0-9]+)", part)
    return [glued[1], glued[2]] if glued else [part]


def _shape(part: str) -> str:
    return next((kind for known, kind in _KINDS if known.fullmatch(part)), _MIXED if part.isalnum() else part)


def _generalise(written: list[str], *, grows: bool) -> str:
    """Say what one part of examples of one shape has in common."""
    kind = _shape(written[0])
    if kind != r"\d" and len({each.upper() for each in written}) == 1 and kind != _MIXED:
        return re.escape(written[0])
    shortest, longest = min(map(len, written)), max(map(len, written))
    if kind == r"\d" and grows:
        longest += GROWTH
    has_digit = r"(?=[A-Z]*\d)" if kind == _MIXED else ""
    return f"{has_digit}{kind}{{{shortest},{longest}}}"


class Gazetteer:
    """Product names, however customers space and capitalise them; thousands cost no more than one."""

    def __init__(self, products: Iterable[Product]) -> None:
        """Index names and aliases without their gaps; one letter alone is no name."""
        written = ((each, product.name) for product in products for each in (product.name, *product.aliases))
        spelled = [(_PIECE.findall(each), name) for each, name in written]
        self._names = {key: name for pieces, name in spelled if len(key := _compact(pieces)) > 1}
        # Written apart, a name may have a piece or two more: "Trail-Runner 3" of "TrailRunner 3".
        self._most_pieces = max((len(pieces) for pieces, _ in spelled), default=0) + MORE_PIECES

    def find(self, text: str) -> list[Found]:
        """Find whole names; of two that begin alike the longer one. The value is the operator's spelling."""
        found: list[Found] = []
        pieces = list(_PIECE.finditer(text)) if self._names else []
        for index, piece in enumerate(pieces):
            if (found and piece.start() < found[-1].end) or _is_inside_word(text, piece.start()):
                continue
            for run in reversed(list(_runs(text, pieces[index : index + self._most_pieces]))):
                if name := self._names.get(_compact(each[0] for each in run)):
                    start, end = run[0].start(), run[-1].end()
                    found.append(Found("product", name, text[start:end], start, end))
                    break
        return found


def _runs(text: str, pieces: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """List the runs of pieces from the first one on that end with a word, as long as only gaps lie between."""
    for length, piece in enumerate(pieces, start=1):
        if length > 1 and not _GAP.fullmatch(text, pieces[length - 2].end(), piece.start()):
            return
        if not _is_inside_word(text, piece.end()):
            yield pieces[:length]


def _compact(pieces: Iterable[str]) -> str:
    return "".join(pieces).casefold()


def _is_inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


@dataclass(frozen=True, slots=True)
class Expected:
    """What an operator's taxonomy says to look for.

    Attributes:
        ids: Finders of their ids.
        products: Finder of their products.
    """

    ids: list[LearnedIds] = field(default_factory=list)
    products: Gazetteer = field(default_factory=lambda: Gazetteer(()))


def expect(taxonomy: Taxonomy) -> Expected:
    """Learn what a taxonomy says to look for."""
    return Expected(learn_ids(taxonomy.ids), Gazetteer(taxonomy.products))
