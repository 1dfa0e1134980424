"""The knowledge base every process sees: an in-memory index that follows the articles in Postgres."""

import threading
from collections.abc import Sequence

import numpy as np
from sqlalchemy.exc import DBAPIError

from ticketflow.engines.embedded.knowledge import (
    PASSAGE_WORDS,
    EmbeddedKnowledge,
    IndexedArticle,
    PassageIndex,
    embed_passages,
    split_passages,
)
from ticketflow.engines.embedded.vectors import DIMENSIONS, Encoder
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.articles import (
    StoredPassage,
    latest_revision,
    list_changed,
    list_passages,
    replace_passages,
)
from ticketflow.storage.models import DEFAULT_TENANT, Article
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import Passage

log = get_logger(__name__)

_FLOAT = np.dtype("<f4")


class StoredKnowledge:
    """The ``KnowledgeBase`` port over stored articles; a change is visible to the next search.

    Vectors are computed once, by the first process that needs them, and stored beside the article.
    """

    def __init__(self, sessions: Sessions, encoder: Encoder, tenant: str = DEFAULT_TENANT) -> None:
        """Start empty; the first search loads what is stored."""
        self._sessions = sessions
        self._encoder = encoder
        # Passages cut or encoded otherwise are made afresh.
        self._recipe = f"{encoder.name}, {PASSAGE_WORDS} words, policies apart"
        self._tenant = tenant
        self._index = PassageIndex()
        self._search = EmbeddedKnowledge(encoder, self._index)
        self._revision = 0
        self._lock = threading.Lock()

    def search(self, query: str, limit: int) -> list[Passage]:
        """List the best passages, best first, at most one per article.

        Raises:
            TransientError: The database that holds the articles does not answer.
        """
        try:
            self.refresh()
        except DBAPIError as error:
            raise TransientError(f"the articles cannot be read just now: {type(error).__name__}") from error
        return self._search.search(query, limit)

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
            log.info("knowledge.refreshed", changed=len(changed), articles=len(self._index))

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
        """Compute the vectors of an article, outside any transaction."""
        passages = split_passages(article.title, article.body)
        vectors = embed_passages(self._encoder, article.title, passages)
        return [
            StoredPassage(text, vector.astype(_FLOAT).tobytes()) for text, vector in zip(passages, vectors, strict=True)
        ]


def _indexed(article: Article, stored: Sequence[StoredPassage]) -> IndexedArticle:
    packed = b"".join(passage.vector for passage in stored)
    return IndexedArticle(
        article_id=str(article.id),
        version=article.version,
        title=article.title,
        passages=tuple(passage.text for passage in stored),
        vectors=np.frombuffer(packed, dtype=_FLOAT).reshape(-1, DIMENSIONS).astype(np.float32),
    )
