"""The knowledge base every process sees: in-memory indexes that follow the articles in Postgres."""

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from sqlalchemy.exc import DBAPIError

from ticketflow.engines.embedded.index import PassageIndex
from ticketflow.engines.embedded.knowledge import EmbeddedKnowledge, Explanation
from ticketflow.engines.embedded.passages import (
    PASSAGE_WORDS,
    IndexedArticle,
    embed_article,
    find_starts,
    split_passages,
)
from ticketflow.engines.embedded.vectors import DIMENSIONS, Encoder
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger
from ticketflow.services.resolved_tickets import ResolvedTickets
from ticketflow.storage.articles import (
    StoredPassage,
    latest_revision,
    list_changed,
    list_passages,
    replace_passages,
)
from ticketflow.storage.models import Article
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT, Passage, SimilarTicket

log = get_logger(__name__)

_FLOAT = np.dtype("<f4")


class SearchableArticles(Protocol):
    """What a search for people needs: the same finds as the research step's, and why."""

    def explain(self, query: str, limit: int) -> list[Explanation]:
        """List the best passages with the parts of their scores."""
        ...


class StoredKnowledge:
    """The ``KnowledgeBase`` port over what is stored: an index per tenant, each built by its first search."""

    def __init__(self, sessions: Sessions, encoder: Encoder) -> None:
        """Start empty; the first search loads what is stored."""
        self._sessions = sessions
        self._encoder = encoder
        self._lock = threading.Lock()
        self._articles: dict[str, TenantArticles] = {}
        self._resolved: dict[str, ResolvedTickets] = {}

    def search(self, query: str, limit: int, tenant: str = DEFAULT_TENANT) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Raises:
            TransientError: The database that holds the articles does not answer.
        """
        return self.articles_of(tenant).search(query, limit)

    def find_resolved(self, query: str, limit: int, tenant: str = DEFAULT_TENANT) -> list[SimilarTicket]:
        """List tickets like this one whose answers a person approved, the most alike first.

        Raises:
            TransientError: The database that holds them does not answer.
        """
        with self._lock:
            resolved = self._resolved.setdefault(tenant, ResolvedTickets(self._sessions, self._encoder, tenant))
        return resolved.find(query, limit)

    def articles_of(self, tenant: str) -> "TenantArticles":
        """Return one tenant's articles, so that a search never finds another's."""
        with self._lock:
            return self._articles.setdefault(tenant, TenantArticles(self._sessions, self._encoder, tenant))

    def refresh(self) -> None:
        """Take over every change to the default tenant's articles; the first time loads them."""
        self.articles_of(DEFAULT_TENANT).refresh()


class TenantArticles:
    """One tenant's articles; a change is visible to the next search.

    Vectors are computed once, by the first process that needs them, and stored beside the article.
    """

    def __init__(self, sessions: Sessions, encoder: Encoder, tenant: str) -> None:
        """Start empty."""
        self._sessions = sessions
        self._encoder = encoder
        # Passages cut or encoded otherwise are made afresh.
        self._recipe = f"{encoder.name}, title and {PASSAGE_WORDS} words, policies apart"
        self._tenant = tenant
        self._index = PassageIndex()
        self._knowledge = EmbeddedKnowledge(encoder, self._index)
        self._revision = 0
        self._lock = threading.Lock()

    def search(self, query: str, limit: int) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Raises:
            TransientError: The database does not answer.
        """
        self._follow()
        return self._knowledge.search(query, limit)

    def explain(self, query: str, limit: int) -> list[Explanation]:
        """List what ``search`` finds, with the parts of each score.

        Raises:
            TransientError: The database does not answer.
        """
        self._follow()
        return self._knowledge.explain(query, limit)

    def refresh(self) -> None:
        """Take over every change since the last look; one cheap query when there is none."""
        with self._lock:
            with self._sessions() as session:
                if latest_revision(session, self._tenant) == self._revision:
                    return
                changed = list_changed(session, self._tenant, self._revision)
                session.expunge_all()
            for article in changed:
                self._take_over(article)
            self._revision = changed[-1].revision
            log.info("knowledge.refreshed", tenant=self._tenant, changed=len(changed), articles=len(self._index))

    def _follow(self) -> None:
        try:
            self.refresh()
        except DBAPIError as error:
            raise TransientError(f"the articles cannot be read just now: {type(error).__name__}") from error

    def _take_over(self, article: Article) -> None:
        if article.deleted_at is not None:
            self._index.remove(str(article.id))
            return
        with self._sessions() as session:
            stored = list_passages(session, article, self._recipe)
        if not stored:
            stored = self._embed(article)
            with self._sessions.begin() as session:
                replace_passages(session, article, self._recipe, stored)
        self._index.replace(_indexed(article, stored))

    def _embed(self, article: Article) -> list[StoredPassage]:
        """Compute the vectors of an article, outside any transaction; the title's comes first."""
        passages = split_passages(article.title, article.body)
        vectors = embed_article(self._encoder, article.title, passages)
        return [
            StoredPassage(text, vector.astype(_FLOAT).tobytes())
            for text, vector in zip([article.title, *passages], vectors, strict=True)
        ]


def _indexed(article: Article, stored: Sequence[StoredPassage]) -> IndexedArticle:
    packed = b"".join(passage.vector for passage in stored)
    passages = tuple(passage.text for passage in stored[1:])
    return IndexedArticle(
        article_id=str(article.id),
        version=article.version,
        title=article.title,
        passages=passages,
        starts=find_starts(article.body, passages),
        vectors=np.frombuffer(packed, dtype=_FLOAT).reshape(-1, DIMENSIONS).astype(np.float32),
    )
