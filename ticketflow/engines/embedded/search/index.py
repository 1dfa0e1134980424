"""Passages in memory: exact cosine over titled passages plus a little BM25, and what speaks for each find."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS, Vectors
from ticketflow.engines.embedded.search.asking import Window
from ticketflow.engines.embedded.search.confidence import Evidence, bound_lead, estimate_confidence
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.search.words import (
    count_articles,
    find_content_words,
    find_names,
    measure_overlap,
    stem,
    tokenize,
    weigh_words,
)

# On top of the vectors, StackFAQ dev, recall@1: BM25 share 0.05 0.973, 0.1 0.973, 0.2 0.973; the smallest that helps.
LEXICAL_SHARE = 0.05
# An article has to do with a sentence if it lies this near the best one, or this close to it.
NEARLY = 0.05
CLOSE = 0.45
# Whose words are compared: the right article is hardly ever further down.
RIVALS = 5
# Longer titles are whole sentences.
MAX_TITLE_WORDS = 6
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
        similarity: Cosine with the part of the ticket it was found for.
        lexical: Its BM25 score as a share of the best passage's, in [0, 1].
        score: Both together; what finds are ordered by.
        evidence: What its confidence is estimated from.
        spoken_to: The parts of the ticket it has to do with, by their places.
    """

    article: IndexedArticle
    ordinal: int
    similarity: float
    lexical: float
    score: float
    evidence: Evidence
    spoken_to: frozenset[int] = frozenset()

    @property
    def confidence(self) -> float:
        """How likely it answers, in [0, 1)."""
        return estimate_confidence(self.evidence)


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
        common: What titles have in common, to be taken off before evidence is measured.
        stems: Of all words, for articles asked about so far.
        names: Stems of words that are written as names.
    """

    articles: Sequence[IndexedArticle]
    owners: NDArray[np.int64]
    matrix: Vectors
    common: Vectors
    lexicon: Any
    whole: WholeBase
    stems: dict[int, frozenset[str]]
    names: frozenset[str]


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

    def find(
        self, windows: Sequence[Window], vectors: Vectors, limit: int, order: TitleOrder | None = None
    ) -> list[Found]:
        """List the best passages, best first, at most one per article.

        Args:
            windows: What may be asked, from ``read_asked``.
            vectors: A unit vector for each, shape (n, 384).
            limit: How many at most.
            order: Says by their titles which articles come first, where these vectors cannot.
        """
        snapshot = self._current()
        if not snapshot.articles or limit <= 0:
            return []
        search = _Search(snapshot, windows, vectors)
        if order is not None:
            return search.list_ordered(order([article.title for article in snapshot.articles])[:limit])
        return search.list_best(limit)

    def judge_each(self, windows: Sequence[Window], vectors: Vectors) -> list[Found]:
        """Return the best find of each window, as if it were all that is asked: what confidence is fitted on."""
        snapshot = self._current()
        return _Search(snapshot, windows, vectors).judge_each() if snapshot.articles else []

    def _current(self) -> _Snapshot:
        with self._lock:
            if self._snapshot is None:
                articles = sorted(self._articles.values(), key=lambda each: each.article_id)
                self._snapshot = _take_snapshot([each for each in articles if each.passages], self._whole)
            return self._snapshot


class _Search:
    """One ticket put to one snapshot: each window as a question of its own."""

    def __init__(self, snapshot: _Snapshot, windows: Sequence[Window], vectors: Vectors) -> None:
        """Compare each window with every passage."""
        self._snapshot = snapshot
        self._windows = windows
        self._vectors = vectors
        self._similarities: NDArray[np.float32] = np.round(vectors @ snapshot.matrix.T, 4)
        lexical = [lexical_scores(snapshot.lexicon, each.text, len(snapshot.owners)) for each in windows]
        self._lexical: NDArray[np.float32] = np.stack(lexical)
        self._scores = np.round(self._similarities + LEXICAL_SHARE * self._lexical, 4)
        self._starts = np.searchsorted(snapshot.owners, np.arange(len(snapshot.articles)))
        self._levels = np.maximum.reduceat(self._similarities, self._starts, axis=1)
        by_article = np.maximum.reduceat(self._scores, self._starts, axis=1)
        # The best articles of each window, best first; ties go by article id.
        self._ranked = np.argsort(-by_article, axis=1, kind="stable")[:, : max(RIVALS, 2)]
        self._by_article = by_article

    def judge_each(self) -> list[Found]:
        """Weigh the best article of each window, and how far windows beside it bear it out."""
        alone = [self._weigh(at, int(ranked[0])) for at, ranked in enumerate(self._ranked)]
        return [
            replace(found, evidence=replace(found.evidence, support=self._measure_support(at, alone)))
            for at, found in enumerate(alone)
        ]

    def list_best(self, limit: int) -> list[Found]:
        """List the best passage of each of the best articles: those surest of a window, then those nearest to one."""
        first: dict[str, Found] = {}
        for found in self.judge_each():
            known = first.get(found.article.article_id)
            if known is None or found.confidence > known.confidence:
                first[found.article.article_id] = found
        best = sorted(first.values(), key=lambda each: (-each.confidence, -each.score, each.article.article_id))
        nearest = np.argsort(-self._by_article.max(axis=0), kind="stable")[: limit + len(first)]
        rest = [int(place) for place in nearest if self._snapshot.articles[place].article_id not in first]
        return [*best, *self.list_ordered(rest[: max(limit - len(best), 0)])][:limit]

    def list_ordered(self, places: Sequence[int]) -> list[Found]:
        """List the best passage of each of these articles, in this order."""
        return [self._weigh(int(self._by_article[:, place].argmax()), place) for place in places]

    def _weigh(self, at: int, place: int) -> Found:
        """Weigh what speaks for an article as the answer to one window."""
        snapshot, window = self._snapshot, self._windows[at]
        rivals = [place, *(int(each) for each in self._ranked[at] if each != place)][:RIVALS]
        levels = [float(self._levels[at, each]) for each in rivals]
        words = find_content_words(window.text)
        weights = weigh_words(words, snapshot.whole.known, snapshot.whole.count)
        title = find_content_words(snapshot.articles[place].title)
        named = snapshot.names.intersection(title)
        stop = self._starts[place] + len(snapshot.articles[place].passages)
        row = int(self._starts[place] + self._scores[at, self._starts[place] : stop].argmax())
        evidence = Evidence(
            similarity=self._measure_centred(at, place),
            nearness=round(levels[0], 4),
            title=round(float(snapshot.articles[place].vectors[0] @ self._vectors[at]), 4),
            lead=lead(levels, 0),
            overlap_lead=lead([measure_overlap(weights, self._find_stems(each)) for each in rivals], 0),
            rarity=round(sum(weights.values()) / len(weights), 4) if weights else 0.0,
            sentences=float(len(window.places) - window.has_subject),
            strange_name=float(bool(named) and named.isdisjoint(words)),
            title_words=float(min(len(title), MAX_TITLE_WORDS)),
        )
        return Found(
            article=snapshot.articles[place],
            ordinal=row - int(self._starts[place]),
            similarity=round(float(self._similarities[at, row]), 4),
            lexical=round(float(self._lexical[at, row]), 4),
            score=round(float(self._scores[at, row]), 4),
            evidence=evidence,
            spoken_to=self._list_spoken_to(place),
        )

    def _find_stems(self, place: int) -> frozenset[str]:
        stems = self._snapshot.stems
        if place not in stems:
            stems[place] = find_stems(self._snapshot.articles[place])
        return stems[place]

    def _measure_support(self, at: int, alone: Sequence[Found]) -> float:
        """Return how sure another window is of the same article that shares no part of the ticket with this one."""
        places = set(self._windows[at].places)
        others = (
            found.confidence
            for found, window in zip(alone, self._windows, strict=True)
            if found.article is alone[at].article and places.isdisjoint(window.places)
        )
        return round(math.sqrt(max(others, default=0.0)), 4)

    def _list_spoken_to(self, place: int) -> frozenset[int]:
        """List the parts of the ticket that an article has to do with, whatever else is asked."""
        levels = self._by_article
        return frozenset(
            window.judges
            for at, window in enumerate(self._windows)
            if window.judges is not None and levels[at, place] >= min(levels[at].max() - NEARLY, CLOSE)
        )

    def _measure_centred(self, at: int, place: int) -> float:
        """Return the cosine of a window and the article's nearest passage, without what is common."""
        passages = self._snapshot.articles[place].vectors[1:] - self._snapshot.common
        question = self._vectors[at] - self._snapshot.common
        lengths = np.linalg.norm(passages, axis=1) * np.linalg.norm(question)
        return round(float((passages @ question / np.maximum(lengths, 1e-9)).max()), 4)


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


def _take_snapshot(articles: Sequence[IndexedArticle], whole: WholeBase | None) -> _Snapshot:
    if not articles:
        nothing = np.zeros((0, DIMENSIONS), dtype=np.float32)
        nobody = WholeBase(0, nothing, {})
        return _Snapshot([], np.zeros(0, dtype=np.int64), nothing, nothing, None, nobody, {}, frozenset())
    import bm25s  # noqa: PLC0415  # 0.1 s to import, and only needed once there are articles

    lexicon = bm25s.BM25()
    texts = [f"{article.title} {passage}" for article in articles for passage in article.passages]
    lexicon.index([tokenize(text) or ["-"] for text in texts], show_progress=False)
    titles = np.stack([article.vectors[0] for article in articles])
    stems = {} if whole else {place: find_stems(article) for place, article in enumerate(articles)}
    whole = whole or WholeBase(len(articles), titles.mean(axis=0), count_articles(stems.values()))
    return _Snapshot(
        articles=articles,
        owners=np.repeat(np.arange(len(articles)), [len(article.passages) for article in articles]),
        matrix=np.concatenate([article.vectors[1:] for article in articles]),
        common=(COMMON_SHARE * whole.count / (whole.count + FEW_TITLES)) * whole.mean_title,
        lexicon=lexicon,
        whole=whole,
        stems=stems,
        names=find_names(["\n".join([article.title, *article.passages]) for article in articles]),
    )


def find_stems(article: IndexedArticle) -> frozenset[str]:
    """Return the stems of all words of an article."""
    return frozenset(stem(word) for word in tokenize("\n".join([article.title, *article.passages])))
