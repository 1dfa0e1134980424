"""The knowledge base every process sees: indexes that follow the articles in Postgres."""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from ticketflow.adapters.large_knowledge import LargeBases
from ticketflow.adapters.resolved_tickets import ResolvedTickets
from ticketflow.adapters.stored_passages import StoredPassages
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.search.index import PassageIndex
from ticketflow.engines.embedded.search.knowledge import EmbeddedKnowledge, Explanation, Index
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.articles import latest_revision, list_changed
from ticketflow.storage.models import Article
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT, Passage, SimilarTicket

log = get_logger(__name__)

# So many passages of a tenant are held in memory by default, at 3 KB each.
EXACT_PASSAGES = 100_000
# Articles taken over at a time: the lock on a large base is held for a second or so.
BATCH = 200


class SearchableArticles(Protocol):
    """What a search for people needs: the same finds as the research step's, and why."""

    def explain(self, query: str, limit: int) -> list[Explanation]:
        """List the best passages with the parts of their scores."""
        ...


class StoredKnowledge:
    """The ``KnowledgeBase`` port over what is stored: an index per tenant, each built by its first search."""

    def __init__(self, sessions: Sessions, encoder: Encoder, exact_passages: int = EXACT_PASSAGES) -> None:
        """Start empty; the first search loads what is stored.

        Args:
            exact_passages: How many passages of a tenant are held in memory at most; the database searches larger
                bases, where it can.
        """
        self._sessions = sessions
        self._encoder = encoder
        self._bases = LargeBases(sessions, exact_passages)
        self._lock = threading.Lock()
        self._articles: dict[str, TenantArticles] = {}
        self._resolved: dict[str, ResolvedTickets] = {}

    def search(self, query: str, limit: int, tenant: str) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Raises:
            TransientError: The database that holds the articles does not answer.
        """
        return self.articles_of(tenant).search(query, limit)

    def find_resolved(self, query: str, limit: int, tenant: str) -> list[SimilarTicket]:
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
            return self._articles.setdefault(tenant, TenantArticles(self._sessions, self._encoder, self._bases, tenant))

    def refresh(self) -> None:
        """Take over every change to the default tenant's articles; the first time loads them."""
        self.articles_of(DEFAULT_TENANT).refresh()


class FollowingIndex(Index, Protocol):
    """An index that knows how far it has followed the articles."""

    def read_revision(self) -> int:
        """Tell up to which revision of the articles the index is right."""
        ...

    def take_over(self, after: int, revision: int, changes: Mapping[UUID, IndexedArticle | None]) -> None:
        """Bring the index from one revision to another; ``None`` takes an article out."""
        ...


class HeldIndex(PassageIndex):
    """All of a tenant's articles in this process's memory."""

    def __init__(self) -> None:
        """Start empty, before the first revision."""
        super().__init__()
        self._revision = 0

    def read_revision(self) -> int:
        """Tell up to which revision of the articles the index is right."""
        return self._revision

    def take_over(self, after: int, revision: int, changes: Mapping[UUID, IndexedArticle | None]) -> None:  # noqa: ARG002  # nobody else changes it
        """Bring the index to a revision."""
        for article_id, article in changes.items():
            if article is None:
                self.remove(str(article_id))
            else:
                self.replace(article)
        self._revision = revision


class TenantArticles:
    """One tenant's articles; a change is visible to the next search."""

    def __init__(self, sessions: Sessions, encoder: Encoder, bases: LargeBases, tenant: str) -> None:
        """Start empty, in memory."""
        self._sessions = sessions
        self._encoder = encoder
        self._passages = StoredPassages(sessions, encoder)
        self._bases = bases
        self._tenant = tenant
        self._index: FollowingIndex = HeldIndex()
        self._lock = threading.Lock()

    def search(self, query: str, limit: int) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Raises:
            TransientError: The database does not answer.
        """
        try:
            return self._follow().search(query, limit, self._tenant)
        except DBAPIError as error:
            raise _unreadable(error) from error

    def explain(self, query: str, limit: int) -> list[Explanation]:
        """List what ``search`` finds, with the parts of each score.

        Raises:
            TransientError: The database does not answer.
        """
        try:
            return self._follow().explain(query, limit)
        except DBAPIError as error:
            raise _unreadable(error) from error

    def refresh(self) -> None:
        """Take over every change since the last look; one or two cheap queries when there is none."""
        with self._lock:
            seen, changed = self._list_changed()
            while changed:
                held = isinstance(self._index, HeldIndex)
                large = self._bases.open(self._tenant, self._passages.recipe) if held else None
                if large is not None:  # too many passages for memory now; there is no way back
                    self._index = large
                    log.info("knowledge.moved_to_database", tenant=self._tenant)
                else:
                    changes = {each.id: None if each.deleted_at else self._passages.read(each) for each in changed}
                    self._index.take_over(seen, changed[-1].revision, changes)
                    log.info(
                        "knowledge.refreshed", tenant=self._tenant, changed=len(changed), articles=len(self._index)
                    )
                seen, changed = self._list_changed()

    def _follow(self) -> EmbeddedKnowledge:
        self.refresh()
        return EmbeddedKnowledge(self._encoder, self._index)

    def _list_changed(self) -> tuple[int, Sequence[Article]]:
        """List the next articles to take over, and the revision they follow."""
        seen = self._index.read_revision()
        with self._sessions() as session:
            if latest_revision(session, self._tenant) == seen:
                return seen, []
            changed = list_changed(session, self._tenant, seen, BATCH)
            session.expunge_all()
        return seen, changed


def _unreadable(error: DBAPIError) -> TransientError:
    return TransientError(f"the articles cannot be read just now: {type(error).__name__}")
