"""An article of any format as the text that is stored, searched and quoted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ticketflow.errors import InvalidInputError
from ticketflow.markup.blocks import HOLE, drop_empty, drop_frame, drop_holes, drop_internal, write_text
from ticketflow.markup.front_matter import split_front_matter
from ticketflow.markup.markdown import render_markdown
from ticketflow.markup.page_text import PageText

Format = Literal["markdown", "mdx", "html", "rst", "text"]
# Twice what an article may have: markup takes place, too. Beyond, nothing is read.
MAX_SOURCE_CHARACTERS = 400_000
# Not worth a word: they are no part of the text, or every page has them.
_EXPECTED = frozenset({"parts of the frame", "comments"})


@dataclass(frozen=True, slots=True)
class ArticleText:
    """What was read of an article.

    Attributes:
        text: Its words; see ``write_text``.
        title: From its front matter, its ``<title>`` or its first heading.
        head: Its front matter.
        left_out: What was left out, by what to call it; empty where all that can be read was kept.
    """

    text: str
    title: str | None = None
    head: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def read_article(source: str, kind: Format, title: str | None = None) -> ArticleText:
    """Read an article.

    Args:
        source: As it was written.
        kind: The language it is written in.
        title: If it is known; a first heading that repeats it is left out.

    Raises:
        InvalidInputError: It is too long, or its front matter cannot be read.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace(HOLE, "")
    if kind == "text":
        return ArticleText(source.strip(), title)
    if len(source) > MAX_SOURCE_CHARACTERS and kind != "html":
        raise InvalidInputError("longer than 200,000 characters; make several articles of it")
    head, source = split_front_matter(source) if kind in {"markdown", "mdx"} else ({}, source)
    left_out: Counter[str] = Counter()
    try:
        if kind == "rst":
            from ticketflow.markup.rst import render_rst  # noqa: PLC0415  # docutils takes 0.2 s, for few

            source = render_rst(source)
        elif kind != "html":
            source = render_markdown(source, left_out, is_mdx=kind == "mdx")
        page = PageText(source)
    except RecursionError:
        raise InvalidInputError("nested too deeply to be read") from None
    left_out += page.left_out
    blocks = drop_internal(page.blocks, left_out)
    if kind == "html":
        blocks = drop_frame(blocks)
    first = blocks[0].text if blocks and blocks[0].kind == "heading" else None
    named = title or head.get("title") or page.title or first
    if first and named and first.lower() == named.lower():
        blocks = blocks[1:]
    blocks = drop_empty(drop_holes(blocks, left_out))
    counted = {name: count for name, count in left_out.items() if count > 0 and name not in _EXPECTED}
    return ArticleText(write_text(blocks), named, head, counted)


def describe_left_out(left_out: Mapping[str, int]) -> list[str]:
    """Say what was left out, and how much of it."""
    return [f"{count} {name}" for name, count in sorted(left_out.items())]
