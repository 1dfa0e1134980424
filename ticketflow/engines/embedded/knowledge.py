"""The knowledge base in memory: exact cosine over titled passages plus a little BM25."""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.asking import asking_units
from ticketflow.engines.embedded.confidence import Evidence, bound_lead, estimate_confidence, measure_story
from ticketflow.engines.embedded.quotes import find_policies
from ticketflow.engines.embedded.sentences import find_sentences
from ticketflow.engines.embedded.vectors import DIMENSIONS, Encoder, Vectors
from ticketflow.engines.embedded.words import count_articles, find_content_words, measure_overlaps, stem, tokenize
from ticketflow.workflow.state import Passage
from ticketflow.workflow.usage import Spoken, record_spoken

# Shop dev tickets: as good as 80 and 100, and the sentence that answers is in reach more often. The model reads
# 256 word pieces, about 190 words.
PASSAGE_WORDS = 150
# StackFAQ dev, recall@1 with passages of 80 words: titles only 0.954, titled passages only 0.956, half and half 0.963.
TITLE_SHARE = 0.5
# On top of that: BM25 share 0.05 0.973, 0.1 0.973, 0.2 0.973; the smallest that helps is kept.
LEXICAL_SHARE = 0.05
# How near a passage is to the nearest asking unit, and to all of them on average: benchmarks/data,
# dev part, the right article first for 24 of 25 tickets by the nearest alone, for all 25 half and half.
NEAREST_SHARE = 0.5
# Whose words are compared: the right article is hardly ever further down.
RIVALS = 5
# No more than the API shows on one page of results.
MAX_FOUND = 50


@dataclass(frozen=True, slots=True)
class IndexedArticle:
    """An article as the index holds it.

    Attributes:
        article_id: UUID in text form.
        version: The version the passages were taken from.
        title: The article's title.
        passages: Verbatim pieces of its text, from ``split_passages``.
        vectors: Their vectors from ``embed_passages``, shape (len(passages), 384).
    """

    article_id: str
    version: int
    title: str
    passages: tuple[str, ...]
    vectors: Vectors


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


def embed_passages(encoder: Encoder, title: str, passages: Sequence[str]) -> Vectors:
    """Return one unit vector per passage: half its title, half title and text together.

    A policy taken out of a procedure speaks for itself: the title is the staff's, not a customer's.
    """
    if not passages:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    head = encoder.encode([title])[0]
    titled = encoder.encode([f"{title}\n{passage}" for passage in passages])
    mixed = TITLE_SHARE * head + (1.0 - TITLE_SHARE) * titled
    for row, passage in enumerate(passages):
        if any(passage in other for other in passages[:row]):
            mixed[row] = encoder.encode([passage])[0]
    unit: Vectors = np.round(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), 4).astype(np.float32)
    return unit


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Everything one search reads; replaced as a whole when an article changes."""

    owners: list[IndexedArticle]
    texts: list[str]
    matrix: Vectors
    lexicon: Any
    stems: Mapping[str, frozenset[str]]
    known: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the index and what speaks for it."""

    row: int
    score: float
    evidence: Evidence


class PassageIndex:
    """Passages by vector and words; thread-safe, exact, meant for up to about 100,000 passages."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._articles: dict[str, IndexedArticle] = {}
        self._snapshot: _Snapshot | None = None

    def __len__(self) -> int:
        """Count the articles."""
        return len(self._articles)

    @property
    def versions(self) -> dict[str, int]:
        """The version held of each article, to compare with what is stored."""
        with self._lock:
            return {article_id: article.version for article_id, article in self._articles.items()}

    def replace(self, article: IndexedArticle) -> None:
        """Add an article, or put it in the place of its former version."""
        with self._lock:
            self._articles[article.article_id] = article
            self._snapshot = None

    def remove(self, article_id: str) -> None:
        """Forget an article; one that is not there is no error."""
        with self._lock:
            if self._articles.pop(article_id, None) is not None:
                self._snapshot = None

    def search(self, query_vectors: Vectors, query_text: str, limit: int) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Args:
            query_vectors: Unit vectors of what is asked, shape (384,) or (n, 384).
            query_text: The question's words, from ``question_text``.
            limit: How many at most.
        """
        snapshot = self._current()
        return [_passage(snapshot, each) for each in _find(snapshot, query_vectors, query_text)[: max(limit, 0)]]

    def weigh(self, query_vectors: Vectors, query_text: str) -> list[tuple[str, Evidence]]:
        """List article ids, best first, and what speaks for each: what ``confidence.py`` is fitted on."""
        snapshot = self._current()
        found = _find(snapshot, query_vectors, query_text)
        return [(snapshot.owners[each.row].article_id, each.evidence) for each in found]

    def _current(self) -> _Snapshot:
        with self._lock:
            if self._snapshot is None:
                self._snapshot = _take_snapshot(sorted(self._articles.values(), key=lambda each: each.article_id))
            return self._snapshot


class EmbeddedKnowledge:
    """The ``KnowledgeBase`` port over an encoder and an index."""

    def __init__(self, encoder: Encoder, index: PassageIndex) -> None:
        """Search the given index, which the caller keeps up to date."""
        self._encoder = encoder
        self._index = index

    def search(self, query: str, limit: int) -> list[Passage]:
        """List the best passages, best first, at most one per article."""
        record_spoken(Spoken(engine="embedded/knowledge", model=self._encoder.name))
        if not query.strip() or not len(self._index):
            return []
        return self._index.search(self._encoder.encode(asking_units(query)), query, limit)


def lexical_scores(lexicon: Any, query: str, count: int) -> NDArray[np.float32]:  # bm25s ships no types
    """Return BM25 scores scaled to [0, 1] by the best; zeros when no word is known."""
    known = [word for word in tokenize(query) if word in lexicon.vocab_dict]
    if not known:
        return np.zeros(count, dtype=np.float32)
    raw: NDArray[np.float32] = lexicon.get_scores(known)
    return raw / max(float(raw.max()), 1e-9)


def _take_snapshot(articles: Sequence[IndexedArticle]) -> _Snapshot:
    owners = [article for article in articles for _ in article.passages]
    texts = [passage for article in articles for passage in article.passages]
    if not texts:
        return _Snapshot([], [], np.zeros((0, DIMENSIONS), dtype=np.float32), None, {}, {})
    import bm25s  # noqa: PLC0415  # 0.1 s to import, and only needed once there are articles

    lexicon = bm25s.BM25()
    words = [tokenize(f"{owner.title} {text}") or ["-"] for owner, text in zip(owners, texts, strict=True)]
    lexicon.index(words, show_progress=False)
    matrix = np.concatenate([article.vectors for article in articles if article.passages])
    stems = {article.article_id: _stems(article) for article in articles if article.passages}
    return _Snapshot(owners, texts, matrix, lexicon, stems, count_articles(stems.values()))


def _stems(article: IndexedArticle) -> frozenset[str]:
    return frozenset(stem(word) for word in tokenize("\n".join([article.title, *article.passages])))


def _find(snapshot: _Snapshot, query_vectors: Vectors, query_text: str) -> list[Found]:
    """Return the best row of each article with its evidence, best first."""
    if not snapshot.texts:
        return []
    cosines = snapshot.matrix @ np.atleast_2d(query_vectors).T
    similarities = np.round(NEAREST_SHARE * cosines.max(axis=1) + (1.0 - NEAREST_SHARE) * cosines.mean(axis=1), 4)
    lexical = lexical_scores(snapshot.lexicon, query_text, len(snapshot.texts))
    scores = np.round(similarities + LEXICAL_SHARE * lexical, 4)
    rows = _best_per_article(snapshot, scores)[:MAX_FOUND]
    levels = [float(similarities[row]) for row in rows]
    stems = [snapshot.stems[snapshot.owners[row].article_id] for row in rows]
    overlaps = measure_overlaps(find_content_words(query_text), stems, snapshot.known, len(snapshot.stems))
    story = measure_story(query_text)
    return [
        Found(row, float(scores[row]), Evidence(round(levels[at], 4), lead(levels, at), lead(overlaps, at), story))
        for at, row in enumerate(rows)
    ]


def lead(levels: Sequence[float], at: int) -> float:
    """Return how far one level lies above the best other of the first few; 0 when there is none."""
    others = [level for place, level in enumerate(levels[:RIVALS]) if place != at]
    return bound_lead(levels[at] - max(others)) if others else 0.0


def _best_per_article(snapshot: _Snapshot, scores: NDArray[np.float32]) -> list[int]:
    """Return the best row of each article, best first; ties go by article id and position."""
    best: dict[str, int] = {}
    for row in np.argsort(-scores, kind="stable").tolist():
        best.setdefault(snapshot.owners[row].article_id, row)
    return list(best.values())


def _passage(snapshot: _Snapshot, found: Found) -> Passage:
    owner = snapshot.owners[found.row]
    return Passage(
        article_id=owner.article_id,
        article_version=owner.version,
        title=owner.title,
        text=snapshot.texts[found.row],
        score=round(found.score, 4),
        confidence=estimate_confidence(found.evidence),
    )


def _bounded(text: str, span: tuple[int, int]) -> list[tuple[int, int]]:
    """Cut a sentence longer than a window between words."""
    words = list(re.finditer(r"\S+", text[slice(*span)]))
    chunks = [words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS)]
    return [(span[0] + chunk[0].start(), span[0] + chunk[-1].end()) for chunk in chunks]


def _count_words(text: str) -> int:
    return len(text.split())
