"""Passages in memory: exact cosine over titled passages plus a little BM25, and what speaks for each find."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS, Vectors
from ticketflow.engines.embedded.search.confidence import Evidence, bound_lead, measure_story
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.search.words import (
    count_articles,
    find_content_words,
    measure_overlap,
    stem,
    tokenize,
    weigh_words,
)

# On top of the vectors, StackFAQ dev, recall@1: BM25 share 0.05 0.973, 0.1 0.973, 0.2 0.973; the smallest that helps.
LEXICAL_SHARE = 0.05
# How near a passage is to the nearest asking unit, and to all of them on average: benchmarks/data,
# dev part, the right article first for 24 of 25 tickets by the nearest alone, for all 25 half and half.
NEAREST_SHARE = 0.5
# Whose words are compared: the right article is hardly ever further down.
RIVALS = 5
# What all titles of a knowledge base have in common says nothing about one of them: half of it is taken off.
# It takes a few titles to know what is common.
COMMON_SHARE = 0.5
FEW_TITLES = 4

# Given the titles of all articles, the places of them, best first.
TitleOrder = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage and what speaks for it.

    Attributes:
        article: The article it is from.
        ordinal: Its place among the article's passages.
        similarity: What it was ranked by besides words: cosine with the question's parts.
        lexical: Its BM25 score as a share of the best passage's, in [0, 1].
        score: Both together; what finds are ordered by.
        evidence: What its confidence is estimated from.
    """

    article: IndexedArticle
    ordinal: int
    similarity: float
    lexical: float
    score: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class WholeBase:
    """What a search takes from all articles, not only from those it compares.

    Attributes:
        count: How many articles there are.
        mean_title: Mean of the vectors of their titles.
        known: In how many articles each stem occurs.
    """

    count: int
    mean_title: Vectors
    known: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Everything one search reads; replaced as a whole when an article changes.

    Attributes:
        articles: Those with passages.
        owners: For each row of ``matrix`` the place of its article.
        matrix: Vectors of all passages.
        titles: Vectors of all titles.
        common: What titles have in common, to be taken off before evidence is measured.
        stems: Of all words, for articles asked about so far.
        siblings: How near the nearest other title comes, for articles asked about so far.
    """

    articles: Sequence[IndexedArticle]
    owners: NDArray[np.int64]
    matrix: Vectors
    titles: Vectors
    common: Vectors
    lexicon: Any
    whole: WholeBase
    stems: dict[int, frozenset[str]]
    siblings: dict[int, float] = field(default_factory=dict)


class PassageIndex:
    """Passages by vector and words; thread-safe, exact, meant for up to about 100,000 passages."""

    def __init__(self, whole: WholeBase | None = None) -> None:
        """Start empty.

        Args:
            whole: The knowledge base the articles are a part of; left out, they are all there is.
        """
        self._whole = whole
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

    def find(self, query_vectors: Vectors, query_text: str, limit: int, order: TitleOrder | None = None) -> list[Found]:
        """List the best passages, best first, at most one per article.

        Args:
            query_vectors: Unit vectors of what is asked, the whole question first, shape (384,) or (n, 384).
            query_text: The question's words, from ``question_text``.
            limit: How many at most.
            order: Says by their titles which articles come first, where these vectors cannot.
        """
        snapshot = self._current()
        if not snapshot.articles or limit <= 0:
            return []
        search = _Search(snapshot, np.atleast_2d(query_vectors), query_text)
        return search.list_best(limit, order([article.title for article in snapshot.articles]) if order else None)

    def _current(self) -> _Snapshot:
        with self._lock:
            if self._snapshot is None:
                articles = sorted(self._articles.values(), key=lambda each: each.article_id)
                self._snapshot = _take_snapshot([each for each in articles if each.passages], self._whole)
            return self._snapshot


class _Search:
    """One question put to one snapshot."""

    def __init__(self, snapshot: _Snapshot, query: Vectors, text: str) -> None:
        """Compare the question with every passage."""
        self._snapshot = snapshot
        self._query = query
        self._words = find_content_words(text)
        self._story = measure_story(text)
        cosines = snapshot.matrix @ query.T
        # The nearest part of the question, and the mean over its parts.
        blended = NEAREST_SHARE * cosines.max(axis=1) + (1.0 - NEAREST_SHARE) * cosines.mean(axis=1)
        self._similarities: NDArray[np.float32] = np.round(blended, 4)
        self._lexical = lexical_scores(snapshot.lexicon, text, len(snapshot.owners))
        self._scores = np.round(self._similarities + LEXICAL_SHARE * self._lexical, 4)

    def list_best(self, limit: int, ordered: Sequence[int] | None = None) -> list[Found]:
        """List the best passage of each of the best articles, or of each of the first of an order of places."""
        most = max(limit, RIVALS)
        rows = self._rank(most) if ordered is None else [self._find_best_row(place) for place in ordered[:most]]
        levels = [float(self._similarities[row]) for row in rows]
        places = [int(self._snapshot.owners[row]) for row in rows]
        weights = weigh_words(self._words, self._snapshot.whole.known, self._snapshot.whole.count)
        stems = self._snapshot.stems
        for place in places:
            if place not in stems:
                stems[place] = find_stems(self._snapshot.articles[place])
        overlaps = [measure_overlap(weights, stems[place]) for place in places]
        return [
            self._found(
                row,
                Evidence(
                    similarity=self._measure_centred(places[at]),
                    lead=lead(levels, at),
                    overlap_lead=lead(overlaps, at),
                    title_share=self._measure_title_share(places[at]),
                    sibling=_find_sibling(self._snapshot, places[at]),
                    story=self._story,
                ),
            )
            for at, row in enumerate(rows[:limit])
        ]

    def _found(self, row: int, evidence: Evidence) -> Found:
        place = int(self._snapshot.owners[row])
        return Found(
            article=self._snapshot.articles[place],
            ordinal=row - int(np.searchsorted(self._snapshot.owners, place)),
            similarity=round(float(self._similarities[row]), 4),
            lexical=round(float(self._lexical[row]), 4),
            score=round(float(self._scores[row]), 4),
            evidence=evidence,
        )

    def _rank(self, limit: int) -> list[int]:
        """Return the best row of each article, best first; ties go by article id and position."""
        best: dict[int, int] = {}
        for row in np.argsort(-self._scores, kind="stable"):
            best.setdefault(int(self._snapshot.owners[row]), int(row))
            if len(best) == limit:
                break
        return list(best.values())

    def _find_best_row(self, place: int) -> int:
        start, end = np.searchsorted(self._snapshot.owners, [place, place + 1])
        return int(start + np.argmax(self._scores[start:end]))

    def _measure_centred(self, place: int) -> float:
        """Return the cosine of the whole question and the article's nearest passage, without what is common."""
        passages = self._snapshot.articles[place].vectors[1:] - self._snapshot.common
        question = self._query[0] - self._snapshot.common
        lengths = np.linalg.norm(passages, axis=1) * np.linalg.norm(question)
        return round(float((passages @ question / np.maximum(lengths, 1e-9)).max()), 4)

    def _measure_title_share(self, place: int) -> float:
        title = find_content_words(self._snapshot.articles[place].title)
        weights = weigh_words(title, self._snapshot.whole.known, self._snapshot.whole.count)
        return round(measure_overlap(weights, self._words), 4)


def lead(levels: Sequence[float], at: int) -> float:
    """Return how far one level lies above the best other of the first few; 0 when there is none."""
    others = [level for place, level in enumerate(levels[:RIVALS]) if place != at]
    return bound_lead(levels[at] - max(others)) if others else 0.0


def lexical_scores(lexicon: Any, query: str, count: int) -> NDArray[np.float32]:  # bm25s ships no types
    """Return BM25 scores scaled to [0, 1] by the best; zeros when no word is known."""
    known = [word for word in tokenize(query) if word in lexicon.vocab_dict]
    if not known:
        return np.zeros(count, dtype=np.float32)
    raw: NDArray[np.float32] = lexicon.get_scores(known)
    return raw / max(float(raw.max()), 1e-9)


def _find_sibling(snapshot: _Snapshot, place: int) -> float:
    """Return how near the title of any other article comes: a wrong question this article would be found for."""
    if place not in snapshot.siblings:
        near = (snapshot.titles @ snapshot.articles[place].vectors[1:].T).max(axis=1)
        near[place] = 0.0
        snapshot.siblings[place] = round(float(near.max()), 4)
    return snapshot.siblings[place]


def _take_snapshot(articles: Sequence[IndexedArticle], whole: WholeBase | None) -> _Snapshot:
    if not articles:
        nothing = np.zeros((0, DIMENSIONS), dtype=np.float32)
        nobody = WholeBase(0, nothing, {})
        return _Snapshot([], np.zeros(0, dtype=np.int64), nothing, nothing, nothing, None, nobody, {})
    titles = np.stack([article.vectors[0] for article in articles])
    stems = {} if whole else {place: find_stems(article) for place, article in enumerate(articles)}
    whole = whole or WholeBase(len(articles), titles.mean(axis=0), count_articles(stems.values()))
    return _Snapshot(
        articles=articles,
        owners=np.repeat(np.arange(len(articles)), [len(article.passages) for article in articles]),
        matrix=np.concatenate([article.vectors[1:] for article in articles]),
        titles=titles,
        common=(COMMON_SHARE * whole.count / (whole.count + FEW_TITLES)) * whole.mean_title,
        lexicon=_build_lexicon(articles),
        whole=whole,
        stems=stems,
    )


def _build_lexicon(articles: Sequence[IndexedArticle]) -> Any:  # bm25s ships no types
    import bm25s  # noqa: PLC0415  # 0.1 s to import, and only needed once there are articles

    lexicon = bm25s.BM25()
    texts = [f"{article.title} {passage}" for article in articles for passage in article.passages]
    lexicon.index([tokenize(text) or ["-"] for text in texts], show_progress=False)
    return lexicon


def find_stems(article: IndexedArticle) -> frozenset[str]:
    """Return the stems of all words of an article."""
    return frozenset(stem(word) for word in tokenize("\n".join([article.title, *article.passages])))
