"""An article as searches see it: its title and windows of its text, each with a vector."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketflow.engines.embedded.quotes import find_policies
from ticketflow.engines.embedded.sentences import find_sentences
from ticketflow.engines.embedded.vectors import Encoder, Vectors

# Shop dev tickets: as good as 80 and 100, and the sentence that answers is in reach more often. The model reads
# 256 word pieces, about 190 words.
PASSAGE_WORDS = 150
# StackFAQ dev, recall@1 with passages of 80 words: titles only 0.954, titled passages only 0.956, half and half 0.963.
TITLE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class IndexedArticle:
    """An article as the index holds it.

    Attributes:
        article_id: UUID in text form.
        version: The version the passages were taken from.
        title: The article's title.
        passages: Verbatim pieces of its text, from ``split_passages``.
        starts: Where each of them begins in the text.
        vectors: From ``embed_article``: the title's, then one for each passage, shape (1 + len(passages), 384).
    """

    article_id: str
    version: int
    title: str
    passages: tuple[str, ...]
    starts: tuple[int, ...]
    vectors: Vectors


def index_article(encoder: Encoder, article_id: str, version: int, title: str, text: str) -> IndexedArticle:
    """Cut an article and compute its vectors."""
    passages = split_passages(title, text)
    vectors = embed_article(encoder, title, passages)
    return IndexedArticle(article_id, version, title, tuple(passages), find_starts(text, passages), vectors)


def split_passages(title: str, text: str) -> list[str]:
    """Cut an article's plain text into windows of about 150 words that end where sentences end.

    Args:
        title: The article's title; a first line that repeats it is left out.
        text: The article's plain text.

    Returns:
        Verbatim substrings of the text, in order; empty for a text without words. A policy inside
        a procedure for staff, which nobody would find in there, comes once more at the end.
    """
    spans = [piece for span in find_sentences(text) for piece in _bounded(text, span)]
    if spans and text[slice(*spans[0])].strip("# ").lower() == title.strip().lower():
        spans = spans[1:]
    windows: list[tuple[int, int]] = []
    for start, end in spans:
        if windows and _count_words(text[windows[-1][0] : end]) <= PASSAGE_WORDS:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    passages = [text[start:end] for start, end in windows]
    return passages + [policy for policy in find_policies(text) if policy not in passages]


def find_starts(text: str, passages: Sequence[str]) -> tuple[int, ...]:
    """Return where each passage begins in the text it was cut from, one that is there twice in its turn."""
    starts: list[int] = []
    reached = 0
    for passage in passages:
        start = text.find(passage, reached)
        starts.append(start if start >= 0 else text.find(passage))
        reached = max(reached, starts[-1] + len(passage))
    return tuple(starts)


def embed_article(encoder: Encoder, title: str, passages: Sequence[str]) -> Vectors:
    """Return unit vectors: the title's, and for each passage half its title, half title and text together.

    A policy taken out of a procedure speaks for itself: the title is the staff's, not a customer's.
    """
    head = encoder.encode([title])
    if not passages:
        return head
    titled = encoder.encode([f"{title}\n{passage}" for passage in passages])
    mixed = TITLE_SHARE * head + (1.0 - TITLE_SHARE) * titled
    for row, passage in enumerate(passages):
        if any(passage in other for other in passages[:row]):
            mixed[row] = encoder.encode([passage])[0]
    unit: Vectors = np.round(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), 4).astype(np.float32)
    return np.concatenate([head, unit])


def _bounded(text: str, span: tuple[int, int]) -> list[tuple[int, int]]:
    """Cut a sentence longer than a window between words."""
    words = list(re.finditer(r"\S+", text[slice(*span)]))
    chunks = [words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS)]
    return [(span[0] + chunk[0].start(), span[0] + chunk[-1].end()) for chunk in chunks]


def _count_words(text: str) -> int:
    return len(text.split())
