"""The knowledge base in memory: exact cosine over titled passages plus a little BM25."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.asking import asking_units
from ticketflow.engines.embedded.confidence import estimate_confidence
from ticketflow.engines.embedded.sentences import find_sentences
from ticketflow.engines.embedded.vectors import DIMENSIONS, Encoder, Vectors
from ticketflow.workflow.state import Passage
from ticketflow.workflow.usage import Spoken, record_spoken

PASSAGE_WORDS = 80
# StackFAQ dev, recall@1: titles only 0.954, titled passages only 0.956, half and half 0.963.
TITLE_SHARE = 0.5
# On top of that: BM25 share 0.05 0.973, 0.1 0.973, 0.2 0.973; the smallest that helps is kept.
LEXICAL_SHARE = 0.05
_WORD = re.compile(r"\w{2,}")


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
    """Cut an article's plain text into windows of about 80 words that end where sentences end.

    Args:
        title: The article's title; a first line that repeats it is left out.
        text: The article's plain text.

    Returns:
        Verbatim substrings of the text, in order; empty for a text without words.
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
    return [text[start:end] for start, end in windows]


def embed_passages(encoder: Encoder, title: str, passages: Sequence[str]) -> Vectors:
    """Return one unit vector per passage: half its title, half title and text together."""
    if not passages:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    head = encoder.encode([title])[0]
    titled = encoder.encode([f"{title}\n{passage}" for passage in passages])
    mixed = TITLE_SHARE * head + (1.0 - TITLE_SHARE) * titled
    unit: Vectors = np.round(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), 4).astype(np.float32)
    return unit


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Everything one search reads; replaced as a whole when an article changes."""

    owners: list[IndexedArticle]
    texts: list[str]
    matrix: Vectors
    lexicon: Any


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
            query_vectors: Unit vectors of what is asked, shape (384,) or (n, 384); a passage counts
                by the one it is nearest to.
            query_text: The question's words, for the lexical share.
            limit: How many at most.
        """
        snapshot = self._current()
        if not snapshot.texts or limit < 1:
            return []
        similarities = np.round((snapshot.matrix @ np.atleast_2d(query_vectors).T).max(axis=1), 4)
        scores = np.round(
            similarities + LEXICAL_SHARE * lexical_scores(snapshot.lexicon, query_text, len(snapshot.texts)), 4
        )
        rows = _best_per_article(snapshot, scores)[:limit]
        return [_passage(snapshot, row, float(similarities[row]), float(scores[row])) for row in rows]

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


def tokenize(text: str) -> list[str]:
    """List the words of a text in small letters."""
    return _WORD.findall(text.lower())


def _take_snapshot(articles: Sequence[IndexedArticle]) -> _Snapshot:
    owners = [article for article in articles for _ in article.passages]
    texts = [passage for article in articles for passage in article.passages]
    if not texts:
        return _Snapshot([], [], np.zeros((0, DIMENSIONS), dtype=np.float32), None)
    import bm25s  # noqa: PLC0415  # 0.1 s to import, and only needed once there are articles

    lexicon = bm25s.BM25()
    words = [tokenize(f"{owner.title} {text}") or ["-"] for owner, text in zip(owners, texts, strict=True)]
    lexicon.index(words, show_progress=False)
    matrix = np.concatenate([article.vectors for article in articles if article.passages])
    return _Snapshot(owners, texts, matrix, lexicon)


def _best_per_article(snapshot: _Snapshot, scores: NDArray[np.float32]) -> list[int]:
    """Return the best row of each article, best first; ties go by article id and position."""
    best: dict[str, int] = {}
    for row in np.argsort(-scores, kind="stable").tolist():
        best.setdefault(snapshot.owners[row].article_id, row)
    return list(best.values())


def _passage(snapshot: _Snapshot, row: int, similarity: float, score: float) -> Passage:
    owner = snapshot.owners[row]
    return Passage(
        article_id=owner.article_id,
        article_version=owner.version,
        title=owner.title,
        text=snapshot.texts[row],
        score=round(score, 4),
        confidence=estimate_confidence(similarity),
    )


def _bounded(text: str, span: tuple[int, int]) -> list[tuple[int, int]]:
    """Cut a sentence longer than a window between words."""
    words = list(re.finditer(r"\S+", text[slice(*span)]))
    chunks = [words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS)]
    return [(span[0] + chunk[0].start(), span[0] + chunk[-1].end()) for chunk in chunks]


def _count_words(text: str) -> int:
    return len(text.split())
