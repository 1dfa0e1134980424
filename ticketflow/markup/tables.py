"""Tables as lines of words: what stands in a column is said with the column's name."""

from collections.abc import Iterator
from typing import Literal

Line = tuple[Literal["item", "text"], str]
# A cell longer than this is a paragraph: such a table arranges a page.
_LONGEST_CELL = 300


class TableRows:
    """Gathers the cells of a table, row by row."""

    def __init__(self) -> None:
        """Begin outside of any table."""
        self._header: list[str] = []
        self._row: list[tuple[str, list[str]]] | None = None

    def begin(self, tag: str) -> None:
        """Begin a table, a row or a cell; the row before was finished."""
        if tag == "table":
            self._header = []
        elif tag == "tr":
            self._row = []
        elif tag in {"td", "th"}:
            self._row = self._row if self._row is not None else []
            self._row.append((tag, []))

    def add(self, text: str) -> bool:
        """Put words into the cell that is open; false when none is."""
        if not self._row:
            return False
        self._row[-1][1].append(" ".join(text.split()))
        return True

    def finish(self, tag: str) -> Iterator[Line]:
        """End the row, if a tag ends it.

        Args:
            tag: The tag that is met, with a slash where it ends an element.

        Yields:
            What the row says.
        """
        if tag in {"td", "th", "/td", "/th"} or self._row is None:
            if tag == "/table":
                self._header = []
            return
        row = [(tag, " ".join(parts)) for tag, parts in self._row]
        self._row = None
        if tag == "table":  # one within a cell: the outer one arranges
            yield from (("text", words) for _, words in row if words)
        elif len(row) > 1 and not self._header and all(tag == "th" for tag, _ in row):
            self._header = [words for _, words in row]
        else:
            yield from self._write([words for _, words in row])
        if tag == "/table":
            self._header = []

    def _write(self, cells: list[str]) -> Iterator[Line]:
        filled = [words for words in cells if words]
        if len(filled) < 2 or max(map(len, filled)) > _LONGEST_CELL:  # noqa: PLR2004
            yield from (("text", words) for words in filled)
        elif len(self._header) == len(cells):
            named = zip(self._header, cells, strict=True)
            yield (
                "item",
                "; ".join(f"{head.rstrip(':')}: {words}" if head else words for head, words in named if words),
            )
        else:
            yield ("item", " \u2013 ".join(filled))
