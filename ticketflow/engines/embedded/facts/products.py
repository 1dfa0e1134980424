"""Product names from the operator's list, however customers space and capitalise them."""

import re
from collections.abc import Iterable, Iterator

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.engines.embedded.taxonomy import Product

Match = re.Match[str]
# Letters and digits apart, so that "TrailRunner3" and "trail-runner 3" differ by gaps only.
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_GAP = re.compile(r"[\s\-\u2010-\u2015_.\u2019'\xae\u2122\xa9]{0,3}")
MORE_PIECES = 2


class Gazetteer:
    """A list of products to look for; thousands cost no more than one."""

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


def _runs(text: str, pieces: list[Match]) -> Iterator[list[Match]]:
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
