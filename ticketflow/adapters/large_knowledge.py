"""Knowledge bases too large for memory: the database names candidates, which are then searched exactly."""

import threading
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from sqlalchemy.orm import Session

from ticketflow.adapters.stored_passages import build_indexed
from ticketflow.engines.embedded.encoder.vectors import Vectors
from ticketflow.engines.embedded.search.asking import Window
from ticketflow.engines.embedded.search.index import Found, PassageIndex, WholeBase, find_stems
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.search.words import find_content_words, weigh_words
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.articles import count_passages, list_current
from ticketflow.storage.passage_vectors import (
    SearchBase,
    SearchedArticle,
    advance_base,
    count_having,
    create_search_tables,
    list_nearest,
    list_sharing,
    read_base,
)
from ticketflow.storage.session import Sessions

log = get_logger(__name__)

# Nearest passages for each part of the question, and articles that share its rarest words: benchmarks/large_base.py.
CANDIDATES = 100
# Articles that have any of the words looked up: they are all read, so commoner words are left out.
MAX_SHARING = 2000
# PostgreSQL indexes no key above a third of a page; nobody asks for a longer word.
MAX_WORD_LENGTH = 100


class LargeBases:
    """Tells which tenants' articles are searched in the database, and whether that is possible at all."""

    def __init__(self, sessions: Sessions, exact_passages: int) -> None:
        """Keep the limit; the database is asked when the first base has grown past it.

        Args:
            exact_passages: How many passages of a tenant are held in memory at most.
        """
        self._sessions = sessions
        self._exact_passages = exact_passages
        self._lock = threading.Lock()
        self._usable: bool | None = None

    def open(self, tenant: str, recipe: str) -> "LargeIndex | None":
        """Return the index of a tenant with more passages than may be held; ``None`` while memory will do."""
        with self._sessions() as session:
            passages = count_passages(session, tenant)
        if passages <= self._exact_passages:
            return None
        with self._lock:
            if self._usable is None:
                with self._sessions.begin() as session:
                    reason = create_search_tables(session)
                if reason is not None:
                    log.warning("knowledge.held_in_memory", passages=passages, reason=reason)
                self._usable = reason is None
        return LargeIndex(self._sessions, tenant, recipe) if self._usable else None


class LargeIndex:
    """One tenant's articles by vector and words, in the database; finds what ``PassageIndex`` finds, nearly always.

    Candidates are the articles of the passages nearest to the question's parts, and those that share its rarest
    words. What a search takes from the whole base is exact, but for two: BM25 and ``strange_name`` know the
    candidates' words only.
    """

    def __init__(self, sessions: Sessions, tenant: str, recipe: str) -> None:
        """Name a base; nothing is read yet."""
        self._sessions = sessions
        self._tenant = tenant
        self._recipe = recipe
        self._count = 0
        self._revision = 0

    def __len__(self) -> int:
        """Count the articles, as of the last look."""
        return self._count

    def read_revision(self) -> int:
        """Tell up to which revision of the articles the index is right.

        Raises:
            TransientError: A process that makes passages otherwise has begun the tables afresh; restart the others.
        """
        with self._sessions() as session:
            base = read_base(session, self._tenant, self._recipe)
        if base.revision < self._revision:
            raise TransientError("another release is making the search tables afresh; restart those of this one")
        self._count, self._revision = base.articles, base.revision
        return base.revision

    def take_over(self, after: int, revision: int, changes: Mapping[UUID, IndexedArticle | None]) -> None:
        """Bring the index from one revision to another, unless another process has done so."""
        with self._sessions.begin() as session:
            base = read_base(session, self._tenant, self._recipe)
            if base.revision != after:
                return
            searched: dict[UUID, SearchedArticle | None] = {}
            for key, each in changes.items():
                searched[key] = None
                if each is not None and each.passages:
                    words = frozenset(word for word in find_stems(each) if len(word) <= MAX_WORD_LENGTH)
                    searched[key] = SearchedArticle(key, each.vectors[0], each.vectors[1:], words)
            advance_base(session, base, revision, searched)

    def find(self, windows: Sequence[Window], vectors: Vectors, limit: int) -> list[Found]:
        """List the best passages, best first, at most one per article; see ``PassageIndex``."""
        text = "\n".join(dict.fromkeys(each.text for each in windows))
        with self._sessions() as session:
            base = read_base(session, self._tenant, self._recipe)
            found = list_nearest(session, self._tenant, vectors, CANDIDATES)
            having = count_having(session, self._tenant, find_content_words(text))
            rare: list[str] = []
            for word in sorted(having, key=lambda word: (having[word], word)):
                if sum(having[each] for each in rare) + having[word] > MAX_SHARING:
                    break
                rare.append(word)
            found |= list_sharing(session, self._tenant, weigh_words(rare, having, base.articles), CANDIDATES)
            articles = [build_indexed(*each) for each in list_current(session, found, self._recipe)]
            index = PassageIndex(self._describe(session, base, text, articles))
        for article in articles:
            index.replace(article)
        return index.find(windows, vectors, limit)

    def _describe(self, session: Session, base: SearchBase, text: str, articles: Sequence[IndexedArticle]) -> WholeBase:
        words = {word for said in [text, *(each.title for each in articles)] for word in find_content_words(said)}
        known = count_having(session, self._tenant, words)
        mean = base.titles / max(base.articles, 1)
        return WholeBase(base.articles, mean.astype(np.float32), known)
