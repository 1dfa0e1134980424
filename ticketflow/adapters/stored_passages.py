"""Passages and vectors of stored articles: computed once, by the first process that needs them."""

from collections.abc import Sequence

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS, Encoder
from ticketflow.engines.embedded.search.passages import (
    PASSAGE_WORDS,
    IndexedArticle,
    embed_article,
    find_starts,
    split_passages,
)
from ticketflow.storage.articles import StoredPassage, list_passages, replace_passages
from ticketflow.storage.models import Article
from ticketflow.storage.session import Sessions

_FLOAT = np.dtype("<f4")


class StoredPassages:
    """Reads an article as searches see it, and stores what it had to compute for that."""

    def __init__(self, sessions: Sessions, encoder: Encoder) -> None:
        """Keep what passages are made with."""
        self._sessions = sessions
        self._encoder = encoder
        # Passages cut or encoded otherwise are made afresh.
        self.recipe = f"{encoder.name}, title and {PASSAGE_WORDS} words, policies apart"

    def read(self, article: Article) -> IndexedArticle:
        """Return an article with its passages and their vectors."""
        with self._sessions() as session:
            stored = list_passages(session, article, self.recipe)
        if not stored:
            stored = self._embed(article)
            with self._sessions.begin() as session:
                replace_passages(session, article, self.recipe, stored)
        return build_indexed(article, stored)

    def _embed(self, article: Article) -> list[StoredPassage]:
        """Compute the vectors of an article, outside any transaction; the title's comes first."""
        passages = split_passages(article.title, article.body)
        vectors = embed_article(self._encoder, article.title, passages)
        return [
            StoredPassage(text, vector.astype(_FLOAT).tobytes())
            for text, vector in zip([article.title, *passages], vectors, strict=True)
        ]


def build_indexed(article: Article, stored: Sequence[StoredPassage]) -> IndexedArticle:
    """Put an article and its stored passages together; the title's vector comes first."""
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
