"""The words of an HTML page, block by block."""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape

from turbohtml import Token, TokenType, tokenize

from ticketflow.markup.blocks import (
    HOLE,
    Block,
    is_internal_name,
    load_phrases,
    read_marker,
    shorten_title,
    show_link,
)
from ticketflow.markup.tables import TableRows

_SCRIPTS = frozenset({"script", "style", "noscript", "template"})
_FRAME = frozenset({"nav", "footer", "form", "dialog", "menu"})
_FIELDS = frozenset({"select", "option", "datalist", "textarea", "optgroup"})
_MEDIA = frozenset({"svg", "math", "iframe", "video", "audio", "object", "canvas", "picture", "map"})
_STRUCK = frozenset({"s", "del", "strike", "rp", "rt"})
# Of Confluence's storage format: what its macros are told, and what only Confluence can show.
_CONFLUENCE = frozenset({"ac:image", "ac:emoticon", "ac:placeholder", "ac:task-id", "ac:task-status", "ac:parameter"})
_CONFLUENCE_MACROS = frozenset(
    {"toc", "jira", "children", "include", "excerpt-include", "attachments", "gallery", "pagetree", "contentbylabel"}
)
_SILENT = _SCRIPTS | _FRAME | _FIELDS | _STRUCK | _CONFLUENCE | _MEDIA
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu"})
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_HEADINGS = {f"h{level}": level for level in range(1, 7)} | {"summary": 7}
_SECTIONS = ("article", "aside", "div", "header", "main", "section", "details", "figure", "figcaption", "center")
_PARTS = ("address", "blockquote", "dl", "fieldset", "legend", "hr", "p", "caption", "tabs", "tabitem", "steps")
_ROWS = frozenset({"table", "tr", "td", "th"})
_BLOCKS = frozenset({*_HEADINGS, *_SECTIONS, *_PARTS, *_ROWS, "ul", "ol", "li", "pre", "dt", "dd", "ac:task"})
# Without attributes these are read, and there are many of them.
_ORDINARY = (_BLOCKS - {"header"}) | {"a", "b", "i", "u", "em", "strong", "span", "font", "code", "kbd", "br", "img"}
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff\x00"))
_VALUE = re.compile(r"\{\{[^{}]{1,300}\}\}")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NO_NAME = re.compile(r"\S+\.\w{2,4}\Z|(?:image|screenshot|picture|photo|bild|img|captura|capture)\b", re.IGNORECASE)
_MAX_ICON_WORDS = 4
# Verbatim parts, which HTML has no way to write.
_CDATA = re.compile(
    r"<ac:plain-text-(link-)?body>\s{0,99}<!\[CDATA\[(.*?)\]\]>\s{0,99}</ac:plain-text-(?:link-)?body>", re.DOTALL
)


class PageText:
    """Reads one page, tag by tag: to build a tree takes for ever where 100,000 tags are open (ADR 0016).

    Attributes:
        title: Its title, or its first heading; ``None`` without either.
        blocks: What a reader sees of its main part, where it says what that is.
        left_out: How much of what was left out, by what to call it.
    """

    def __init__(self, page: str) -> None:
        """Read the page."""
        self.left_out: Counter[str] = Counter()
        self._all: list[Block] = []
        self._words: list[str] = []
        self._title: list[str] = []
        self._first: str | None = None
        self._silent = ""
        self._depth = 0
        self._is_internal = False
        self._in_title = False
        self._level = 0
        self._main = Counter[str]()
        self._raw = 0
        self._code = 0
        self._lists: list[tuple[str, int]] = []
        self._item: Block | None = None
        self._term = ""
        self._in_term = False
        self._link: tuple[int, str] | None = None
        self._linked: set[str] = set()
        self._table = TableRows()
        if "<![CDATA[" in page:
            page = _CDATA.sub(lambda found: escape(found[2]) if found[1] else f"<pre>{escape(found[2])}</pre>", page)
        for token in tokenize(page):
            self._take(token)
        self._flush()
        self._close_row()
        named = " ".join("".join(self._title).split())
        self.title = shorten_title(named, self._first)

    @property
    def blocks(self) -> Sequence[Block]:
        """What a reader sees of its main part, where it says what that is."""
        main = [block for block in self._all if block.in_main]
        return main or self._all

    def _take(self, token: Token) -> None:
        if token.type is TokenType.START_TAG:
            self._start(token.tag or "", dict(token.attrs or ()))
        elif token.type is TokenType.END_TAG:
            self._finish(token.tag or "")
        elif token.type is TokenType.TEXT:
            self._keep((token.data or "").translate(_UNSEEN))
        elif token.type is TokenType.COMMENT:
            marker = read_marker(token.data or "")
            self._is_internal = marker == "begin" if marker else self._is_internal
            self.left_out["internal sections"] += marker == "begin"

    # ------------------------------------------------------------------------------------------------------ elements

    def _start(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "title" and not self._silent:
            self._in_title = not self._title
        elif self._silent:
            self._depth += tag == self._silent
        elif (attributes or tag not in _ORDINARY) and (reason := self._find_reason(tag, attributes)):
            if tag not in _VOID:
                self._silent, self._depth = tag, 1
            self.left_out[reason] += 1
        else:
            self._begin(tag, attributes)

    def _find_reason(self, tag: str, attributes: dict[str, str | None]) -> str:
        """Say why an element is not read; empty when it is."""
        classes = (attributes.get("class") or "").lower().split()
        kind = (attributes.get("ac:name") or "").lower()
        if tag in _MEDIA or kind in _CONFLUENCE_MACROS:
            return "pieces that only a page can show"
        if "data-internal" in attributes or any(map(is_internal_name, (tag, kind, *classes))):
            return "internal sections"
        if "hidden" in attributes or _HIDDEN.search(attributes.get("style") or ""):
            return "hidden parts"
        is_frame = tag in _SILENT and not (tag == "ac:parameter" and kind == "title")
        is_frame = is_frame or (tag == "header" and not self._main) or attributes.get("role") in _ROLES
        is_frame = is_frame or attributes.get("aria-hidden") == "true"
        return "parts of the frame" if is_frame or load_phrases().silent_classes.intersection(classes) else ""

    def _begin(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag in _BLOCKS:
            self._begin_block(tag, attributes)
        elif tag == "a":
            self._end_link()
            self._link = (len(self._words), attributes.get("href") or "")
        elif tag == "br":
            self._words.append("\n")
        elif tag == "img":
            # An icon in the middle of a sentence is read; a picture cannot be sent.
            self.left_out["images"] += 1
            words, before = (attributes.get("alt") or "").strip(), self._join()
            is_icon = before and not before.endswith((".", ":", "!", "?", HOLE)) and not self._raw
            if is_icon and words and len(words.split()) <= _MAX_ICON_WORDS and not _NO_NAME.match(words):
                self._words.append(f" {words.translate(_UNSEEN)} ")
        elif tag == "ri:page" and attributes.get("ri:content-title"):
            self._words.append(str(attributes["ri:content-title"]))
        elif tag in {"code", "kbd", "samp"}:
            self._code += 1

    def _begin_block(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._flush()
        if tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag == "pre":
            self._raw += 1
        elif tag in {"ul", "ol"}:
            start = attributes.get("start") or ""
            self._lists.append((tag, int(start) - 1 if start.isdecimal() and len(start) < 6 else 0))  # noqa: PLR2004
            self._item = None
        elif tag in {"li", "ac:task"}:
            kind, number = self._lists.pop() if self._lists else ("ul", 0)
            self._lists.append((kind, number + 1))
            marker = f"{number + 1}." if kind == "ol" else "-"
            self._item = Block("item", "", min(len(self._lists), 6), marker)
        elif tag in {"dt", "dd"}:
            self._in_term = tag == "dt"
        elif tag in _ROWS:
            self._close_row(tag)
            self._table.begin(tag)
        elif tag in {"main", "article"} or attributes.get("role") == "main":
            self._main[tag] += 1

    def _finish(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif self._silent:
            self._depth -= tag == self._silent
            self._silent = self._silent if self._depth else ""
        elif tag in _BLOCKS:
            self._finish_block(tag)
        elif tag == "a":
            self._end_link()
        elif tag in {"code", "kbd", "samp"}:
            self._code = max(self._code - 1, 0)

    def _finish_block(self, tag: str) -> None:
        self._flush()
        if tag in _HEADINGS:
            self._level = 0
        elif tag == "pre":
            self._raw = max(self._raw - 1, 0)
        elif tag in {"ul", "ol"}:
            del self._lists[-1:]
            self._item = None
        elif tag in {"li", "ac:task"}:
            self._item = None
        elif tag in _ROWS:
            self._close_row(f"/{tag}")
        elif self._main[tag]:
            self._main[tag] -= 1
            self._main += Counter()  # forgets what is closed

    # ---------------------------------------------------------------------------------------------------- words, links

    def _keep(self, words: str) -> None:
        """Keep words that can be seen."""
        if self._in_title:
            self._title.append(words)
        elif not self._silent and not self._is_internal:
            if not self._raw:
                words = words.replace("\n", " ").replace("\r", " ")
                if not self._code and "{{" in words:
                    words = _VALUE.sub(HOLE, words)
            self._words.append(words)

    def _end_link(self) -> None:
        """Write where a link leads behind its words, once an article."""
        if self._link is None:
            return
        start, href = self._link
        self._link = None
        words = " ".join("".join(self._words[start:]).split())
        if href.startswith("#") and words and not self._raw and words == self._join():
            self._words = []  # an entry of a table of contents
            return
        if (shown := show_link(words, href)) and href not in self._linked and not self._raw and not self._level:
            self._linked.add(href)
            self._words.append(shown)

    def _join(self) -> str:
        lines = "".join(self._words).split("\n")
        return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))

    # ---------------------------------------------------------------------------------------------------------- blocks

    def _flush(self) -> None:
        """End the block that is being read."""
        self._end_link()
        if not self._words:
            return
        text = "".join(self._words).strip("\n").rstrip() if self._raw else self._join()
        self._words = []
        if text.strip():
            self._add(text)

    def _add(self, text: str) -> None:
        if self._in_term:
            self._term, self._in_term = text, False
            return
        if self._term:
            text, self._term = f"{self._term.rstrip(':')}: {text}", ""
        if self._table.add(text):
            return
        if self._raw:
            self._append(Block("code", text))
        elif self._level:
            self._first = self._first or (text if self._level == 1 else None)
            self._append(Block("heading", text, self._level))
        elif self._item is None:
            self._append(Block("text", text))
        elif self._item.text:
            self._item.text += f" {text}"
        else:
            self._item.text = text
            self._append(self._item)

    def _append(self, block: Block) -> None:
        block.in_main = bool(self._main)
        self._all.append(block)

    def _close_row(self, tag: str = "/table") -> None:
        for kind, text in self._table.finish(tag):
            self._append(Block(kind, text, 1 if kind == "item" else 0, "-"))
