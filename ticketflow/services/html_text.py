"""The words of an HTML page."""

import re
from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "nav"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SECTIONS = ("article", "aside", "div", "footer", "header", "main", "section")
_PARTS = ("address", "blockquote", "br", "dd", "dl", "dt", "hr", "li", "ol", "p", "pre", "table", "tr", "ul")
_BLOCKS = frozenset({*_HEADINGS, *_SECTIONS, *_PARTS})
_BLANKS = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\s*\n\s*\n\s*")
# No character has such a number, and Python's parser fails on one of thousands of digits.
_NO_CHARACTER = re.compile(r"&#[0-9]{20,};?")


class HtmlText(HTMLParser):
    """Reads one page.

    Attributes:
        title: Its title, or its first heading; ``None`` without either.
        text: What a reader sees, a blank line between paragraphs.
    """

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._words: list[str] = []
        self._titles: dict[str, list[str]] = {"title": [], "h1": []}
        self.feed(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", page))
        self.close()
        self.text = _GAPS.sub("\n\n", _BLANKS.sub(" ", "".join(self._words))).strip()
        named = (" ".join("".join(words).split()) for words in self._titles.values())
        self.title = next(filter(None, named), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the base's signature
        """Begin a paragraph, a title or something nobody sees."""
        if tag in _BLOCKS:
            self._words.append("\n\n")
        # Each once: a page that opens a hundred thousand must not be read a hundred thousand times over.
        if (tag in self._titles or tag in _SILENT) and tag not in self._open:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """End it, and what was left open inside."""
        if tag in _BLOCKS:
            self._words.append("\n\n")
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def handle_data(self, data: str) -> None:
        """Keep words that can be seen."""
        if _SILENT.intersection(self._open):
            return
        for name in self._titles.keys() & set(self._open):
            self._titles[name].append(data)
        if "title" not in self._open:
            self._words.append(data.replace("\n", " "))
