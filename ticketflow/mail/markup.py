"""The words of a mail written in HTML, laid out as plain mail is: lines, paragraphs, quotation marks."""

import re

from turbohtml import Token, TokenType, tokenize

_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg", "head", "title", "s", "del", "strike", "object"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "section", "article"}
)
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr", "address", "header", "footer", "main", "form", "body"})
_BREAKING = _PARAGRAPHS | _LINES | {"blockquote"}
_CELLS = frozenset({"td", "th"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "col", "source"})
_HIDDEN = re.compile(r"display\s{0,9}:\s{0,9}none|mso-hide\s{0,9}:\s{0,9}all", re.IGNORECASE)
_SIGNATURES = ("gmail_signature", "moz-signature")
_RULE = "_" * 32
_BLANKS = re.compile(r"[^\S\u00a0]+")
_MAX_DEPTH = 3


class MailText:
    """Reads a mail tag by tag (ADR 0016).

    Attributes:
        text: What a reader sees; quoted blocks with ``>`` before each line.
        title: The title of the page, if it has one.
    """

    def __init__(self, page: str) -> None:
        """Read the mail."""
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        # What is open of which nothing is seen, and how many of its kind inside it.
        self._unseen: str | None = None
        self._inside = 0
        self._title: list[str] = []
        for token in tokenize(page):
            if token.type is TokenType.START_TAG:
                self._begin(token.tag or "", token)
            elif token.type is TokenType.END_TAG:
                self._end(token.tag or "")
            elif token.type is TokenType.TEXT:
                self._keep(token.data or "")
        self._break()
        self.text = "\n".join(self._lines).strip("\n")
        self.title = " ".join("".join(self._title).split())

    def _begin(self, tag: str, token: Token) -> None:
        if self._unseen is not None:
            self._inside += tag == self._unseen
            if tag == "title":
                self._unseen, self._inside = tag, 0
            elif tag == "body":  # the head was never closed
                self._unseen = None
            return
        attributes = dict(token.attrs or ())
        if tag in _UNSEEN or (tag not in _VOID and _HIDDEN.search(attributes.get("style") or "")):
            self._unseen, self._inside = tag, 0
        elif tag in _CELLS:
            self._line.append(" ")
        elif tag in _BREAKING:
            self._break(is_paragraph=tag in _PARAGRAPHS, is_forced=tag == "br")
            self._depth += tag == "blockquote"
            self._lines.extend([_RULE] if tag == "hr" else [])
        if (attributes.get("class") or "").startswith(_SIGNATURES):
            self._break()
            self._lines.append("-- ")

    def _end(self, tag: str) -> None:
        if self._unseen is not None:
            if tag == self._unseen:
                self._inside -= 1
                if self._inside < 0:
                    self._unseen = None
        elif tag in _BREAKING:
            self._break(is_paragraph=tag in _PARAGRAPHS)
            self._depth = max(0, self._depth - (tag == "blockquote"))

    def _keep(self, words: str) -> None:
        if self._unseen is None:
            self._line.append(_BLANKS.sub(" ", words))
        elif self._unseen == "title":
            self._title.append(words)

    def _break(self, *, is_paragraph: bool = False, is_forced: bool = False) -> None:
        """End the line, with a blank one after a paragraph."""
        line = "".join(self._line).strip()
        self._line = []
        marks = "> " * min(self._depth, _MAX_DEPTH)
        if line:
            self._lines.append(f"{marks}{line}")
        elif is_forced:
            self._lines.append(marks.rstrip())
        if is_paragraph and self._lines and self._lines[-1].strip("> "):
            self._lines.append(marks.rstrip())
