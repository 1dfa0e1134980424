"""What an article is made of, and how it is written down: the form in which quotes, citations and people read it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ticketflow.engines.embedded.sentences import split_sentences
from ticketflow.shipped import read_shipped

Kind = Literal["heading", "text", "item", "code"]

# Stands where only the site knows what to write; no text has it, and no sentence with it is kept.
HOLE = "\ue000"
CODE_INDENT = "    "
_SUMMARY = 7  # a level below all headings
_ENDED = (".", "!", "?", ":", ";", "\u2026", "\u3002", "\uff01", "\uff1f")
_LABEL = re.compile(r"[\[(\u3010]?\s*+([^:\u2013\u2014\[\]()\n]{2,60}?)\s*+(?:[:\u2013\u2014\])\u3011]|\s-\s)")
_MARKED = re.compile(r"[(\[]([^()\[\]\n]{2,40})[)\]]\s*+:?\Z")
_EDGES = " \t\n:?!.\u2026*_-\u2013\u2014\u00bf\u00a1()[]\u26a0\ufe0f\U0001f512\U0001f6a7"
_MARKER = re.compile(
    r"\A(?P<end>/|end|stop|close)?[\s:_-]*+(?P<name>.+?)(?:[\s:_-]+(?P<side>begin|start|end|stop))?\Z", re.DOTALL
)
_VOTES = re.compile(r"\A\d[\d.,]* \D{3,30} \d[\d.,]* \D{3,60}\Z")
_LONGEST_ADDRESS = 120
_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}\Z")
# Names that only a private network knows (RFC 2606, RFC 6762, RFC 8375 and common use).
_PRIVATE = (".local", ".internal", ".intranet", ".lan", ".corp", ".home.arpa", ".localhost", ".localdomain", ".invalid")


@dataclass(slots=True)
class Block:
    """A paragraph, a heading, an item of a list or a piece of code.

    Attributes:
        kind: What it is.
        text: Its words; of code the lines as they stand.
        level: Of a heading 1 to 7, of an item how deep it lies, from 1.
        marker: What stands before an item.
        in_main: Whether the page says that it belongs to its main part.
    """

    kind: Kind
    text: str
    level: int = 0
    marker: str = ""
    in_main: bool = False

    def write(self) -> str:
        """Write it down; what stands around it is ``write_text``'s."""
        if self.kind == "code":
            return "\n".join(f"{CODE_INDENT}{line}".rstrip() for line in self.text.split("\n"))
        if self.kind == "item":
            return f"{'  ' * (self.level - 1)}{self.marker} {' '.join(self.text.split())}"
        if self.kind == "heading":
            line = " ".join(self.text.split())
            return line if line.endswith(_ENDED) else f"{line}:"
        return self.text


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is written around articles; see ``phrases.yaml``."""

    internal: frozenset[str]
    frame: frozenset[str]
    labels: frozenset[str]
    silent_classes: frozenset[str]
    internal_names: frozenset[str]


@cache
def load_phrases() -> Phrases:
    """Read the phrases that ship."""
    read = read_shipped(Path(__file__).parent / "phrases.yaml")

    def every(name: str) -> frozenset[str]:
        return frozenset(_fold(each) for phrases in read[name].values() for each in phrases)

    names = (frozenset(read[name]) for name in ("silent_classes", "internal_names"))
    return Phrases(every("internal"), every("frame"), every("labels"), *names)


@lru_cache(maxsize=4_096)
def is_internal_name(name: str) -> bool:
    """Tell a name of blocks that are for colleagues: of a class, a component, an admonition."""
    return name.lower() in load_phrases().internal_names or _fold(name) in load_phrases().internal


def read_marker(comment: str) -> Literal["begin", "end"] | None:
    """Tell what a comment begins or ends when it says nothing but that what follows is internal."""
    found = _MARKER.match(comment.strip()) if len(comment) < 100 else None  # noqa: PLR2004  # longer ones say more
    if not found or not is_internal_name(found["name"].strip()):
        return None
    return "end" if found["end"] or found["side"] in {"end", "stop"} else "begin"


def write_text(blocks: Iterable[Block]) -> str:
    """Write blocks down as text.

    A blank line stands between paragraphs and none between the items of a list. Code is indented by four blanks. A
    heading ends in a colon, so that nobody takes it for a sentence.
    """
    parts: list[str] = []
    last: Block | None = None
    for block in blocks:
        if parts:
            parts.append("\n" if last and last.kind == block.kind == "item" else "\n\n")
        parts.append(block.write())
        last = block
    return "".join(parts)


def drop_internal(blocks: Sequence[Block], left_out: Counter[str]) -> list[Block]:
    """Leave out what says of itself that it is for colleagues: a paragraph, or all that stands below a heading."""
    kept: list[Block] = []
    within: int | None = None
    for block in blocks:
        if block.kind == "heading":
            if within is None or block.level <= within:
                within = block.level if _is_internal(block.text) else None
                left_out["internal sections"] += within is not None
            if within is None:
                kept.append(block)
        elif within is None:
            if block.kind != "code" and _is_internal(block.text, is_item=block.kind == "item"):
                left_out["internal notes"] += 1
            else:
                kept.append(block)
    return kept


def drop_frame(blocks: Sequence[Block]) -> list[Block]:
    """Leave out what a theme writes around an article: questions whether it helped, ways to the top."""
    kept: list[Block] = []
    is_frame = False
    for block in blocks:
        is_count = is_frame and bool(_VOTES.match(_fold(block.text)))
        is_frame = block.kind in {"text", "heading"} and (is_count or _is_frame(block.text))
        if not is_frame:
            kept.append(block)
    return kept


def drop_empty(blocks: Sequence[Block]) -> list[Block]:
    """Leave out headings with nothing below them, and what says no more than that a note follows."""
    kept: list[Block] = []
    for block in reversed(blocks):
        is_label = block.kind == "text" and len(block.text) < 30 and _fold(block.text) in load_phrases().labels  # noqa: PLR2004
        below = kept[-1] if kept else None
        is_bare = block.kind == "heading" and (
            below is None or (below.kind == "heading" and below.level <= block.level)
        )
        if not is_label and not is_bare:
            kept.append(block)
    return kept[::-1]


def drop_holes(blocks: Sequence[Block], left_out: Counter[str]) -> list[Block]:
    """Leave out each sentence in which only the site knows a word; of a list the item."""
    kept: list[Block] = []
    for block in blocks:
        if HOLE in block.text:
            left_out["sentences with values of a template"] += 1
            written = [] if block.kind in {"item", "heading"} else split_sentences(block.text)
            block.text = " ".join(each for each in written if HOLE not in each)
        if block.text:
            kept.append(block)
    return kept


def _is_internal(text: str, *, is_item: bool = False) -> bool:
    known = load_phrases().internal
    if is_item:  # "Internal: 256 GB" is one of a list of things
        known = frozenset(each for each in known if " " in each)
    labelled, marked = _LABEL.match(text), _MARKED.search(text[-60:])
    return (
        _fold(text[:80]) in known
        or (labelled is not None and _fold(labelled[1]) in known)
        or (marked is not None and _fold(marked[1]) in known)
    )


def _is_frame(text: str) -> bool:
    """Tell what a theme writes, or asks together with the buttons that answer it and a count of votes."""
    if len(text) > 120:  # noqa: PLR2004  # twice the longest phrase
        return False
    known, folded = load_phrases().frame, _fold(text)
    asked = next((each for each in known if folded.startswith(f"{each} ")), "")
    rest = folded[len(asked) :].strip(_EDGES)
    return folded in known or (bool(asked) and (rest in known or bool(_VOTES.match(rest))))


def _fold(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").replace("?", " ").lower().split()).strip(_EDGES)


def shorten_title(title: str, heading: str | None) -> str | None:
    """Take the site's name off a title whose other part is the heading."""
    if not title or not heading:
        return title or heading
    rest = title.removeprefix(heading).strip()
    return heading if title != rest and rest[:1] in {"-", "\u2013", "\u2014", "|", "\u00b7", ":", "\u00ab"} else title


def show_link(words: str, href: str) -> str:
    """Return what to write behind the words of a link: where it leads, if anybody can go there; else nothing."""
    href = href.strip()
    if href.lower().startswith("mailto:"):
        address = href[7:].partition("?")[0]
        is_address = re.fullmatch(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", address)
        return f" ({address})" if words and is_address and address.lower() not in words.lower() else ""
    if (
        not words
        or not _is_public(href)
        or _bare(href) in words.lower()
        or ("." in words and words.lower().rstrip("/") in _bare(href))
    ):
        return ""
    return f" ({href})"


def _is_public(href: str) -> bool:
    """Tell an address that a customer can open, short enough to be read."""
    if (
        not href.lower().startswith(("https://", "http://"))
        or len(href) > _LONGEST_ADDRESS
        or re.search(r"[\s<>\"{}|\\^`]", href)
    ):
        return False
    try:
        parts = urlsplit(href)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    return parts.username is None and not host.endswith(_PRIVATE) and bool(_HOST.match(host))


def _bare(href: str) -> str:
    return href.lower().partition("://")[2].removeprefix("www.").rstrip("/")
