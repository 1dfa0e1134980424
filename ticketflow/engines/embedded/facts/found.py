"""What a finder returns, and how overlapping finds are settled."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A fact in a text.

    Attributes:
        type: Entity type, such as ``order_id``.
        value: Normalised value, masked for payment data.
        text: As written, masked for payment data.
        start: First character, zero-based.
        end: One past the last character.
    """

    type: str
    value: str
    text: str
    start: int
    end: int


def keep_first(candidates: Iterable[Found]) -> list[Found]:
    """Keep what overlaps nothing kept before it; return it in order of appearance."""
    kept: list[Found] = []
    for candidate in candidates:
        if all(candidate.end <= other.start or candidate.start >= other.end for other in kept):
            kept.append(candidate)
    return sorted(kept, key=lambda found: found.start)
