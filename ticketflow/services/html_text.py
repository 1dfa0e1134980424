"""The words of an HTML page."""

from turbohtml import TokenType, tokenize

_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "nav"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SECTIONS = ("article", "aside", "div", "footer", "header", "main", "section")
_PARTS = ("address", "blockquote", "br", "dd", "dl", "dt", "hr", "li", "ol", "p", "pre", "table", "tr", "ul")
_BLOCKS = frozenset({*_HEADINGS, *_SECTIONS, *_PARTS})
_GAP = "\n\n"


class HtmlText:
    """Reads one page, tag by tag: to build a tree takes for ever where 100,000 tags are open (ADR 0016).

    Attributes:
        title: Its title, or its first heading; ``None`` without either.
        text: What a reader sees, a blank line between paragraphs.
    """

    def __init__(self, page: str) -> None:
        """Read the page."""
        self._open: list[str] = []
        self._words: list[str] = []
        self._titles: dict[str, list[str]] = {"title": [], "h1": []}
        for token in tokenize(page, capture_attributes=False):
            if token.type is TokenType.START_TAG:
                self._begin(token.tag or "")
            elif token.type is TokenType.END_TAG:
                self._end(token.tag or "")
            elif token.type is TokenType.TEXT:
                self._keep(token.data or "")
        paragraphs = (" ".join(each.split()) for each in "".join(self._words).split(_GAP))
        self.text = _GAP.join(filter(None, paragraphs))
        named = (" ".join("".join(words).split()) for words in self._titles.values())
        self.title = next(filter(None, named), None)

    def _begin(self, tag: str) -> None:
        """Begin a paragraph, a title or something nobody sees."""
        if tag in _BLOCKS:
            self._words.append(_GAP)
        # Each once: a page that opens a hundred thousand must not be read a hundred thousand times over.
        if (tag in self._titles or tag in _SILENT) and tag not in self._open:
            self._open.append(tag)

    def _end(self, tag: str) -> None:
        """End it, and what was left open inside."""
        if tag in _BLOCKS:
            self._words.append(_GAP)
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def _keep(self, words: str) -> None:
        """Keep words that can be seen."""
        if _SILENT.intersection(self._open):
            return
        for name in self._titles.keys() & set(self._open):
            self._titles[name].append(words)
        if "title" not in self._open:
            self._words.append(words.replace("\n", " "))
