"""The knowledge base in memory, as the port has it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Protocol, TypedDict

import numpy as np

from ticketflow.engines.embedded.encoder.multilingual import find_multilingual
from ticketflow.engines.embedded.encoder.vectors import ENCODED_LANGUAGE, Encoder, Vectors
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.search.asking import Asked, Window, read_asked
from ticketflow.engines.embedded.search.index import Found, PassageIndex
from ticketflow.engines.embedded.search.passages import index_article
from ticketflow.workflow.state import Passage, SimilarTicket
from ticketflow.workflow.usage import EngineCall, record_engine_call

# The first ticket in another language embeds the titles of all articles, some 15 ms each, within its step.
MAX_TITLES = 2000


class Explanation(TypedDict):
    """A passage with the parts of its score and of its confidence.

    Attributes:
        similarity: Cosine with the part of the question it was found for.
        lexical: BM25 score as a share of the best passage's, in [0, 1].
        evidence: What its confidence is estimated from; see ``Evidence``.
    """

    passage: Passage
    similarity: float
    lexical: float
    evidence: dict[str, float]


class Index(Protocol):
    """Where passages are looked up."""

    def __len__(self) -> int:
        """Count the articles."""
        ...

    def find(self, windows: Sequence[Window], vectors: Vectors, limit: int) -> list[Found]:
        """List the best passages, best first, at most one per article; see ``PassageIndex``."""
        ...


class EmbeddedKnowledge:
    """The ``KnowledgeBase`` port over an encoder and an index; every tenant's tickets see the same articles."""

    def __init__(self, encoder: Encoder, index: Index) -> None:
        """Search the given index, which the caller keeps up to date."""
        self._encoder = encoder
        self._index = index

    def search(self, query: str, limit: int, tenant: str) -> list[Passage]:  # noqa: ARG002  # see class
        """List the best passages, best first, at most one per article."""
        record_engine_call(EngineCall(engine="embedded/knowledge", model=self._encoder.name))
        asked = read_asked(query)
        return [build_passage(found, asked) for found in self.find(asked, limit)]

    def find_resolved(self, query: str, limit: int, tenant: str) -> list[SimilarTicket]:  # noqa: ARG002
        """Find nothing: only stored tickets were resolved."""
        return []

    def explain(self, query: str, limit: int) -> list[Explanation]:
        """List what ``search`` finds, and why."""
        asked = read_asked(query)
        return [explain(found, asked) for found in self.find(asked, limit)]

    def find(self, asked: Asked, limit: int) -> list[Found]:
        """List the best passages with what speaks for each."""
        if not any(asked.parts) or not len(self._index):
            return []
        vectors = asked.build_vectors(self._encoder.encode(asked.texts))
        query = "\n".join(asked.parts)
        foreign = find_multilingual() if guess_language(query) != ENCODED_LANGUAGE else None
        if foreign is None or not isinstance(self._index, PassageIndex) or len(self._index) > MAX_TITLES:
            return self._index.find(asked.windows, vectors, limit)
        return self._index.find(asked.windows, vectors, limit, lambda titles: order_titles(foreign, query, titles))


def order_titles(encoder: Encoder, query: str, titles: Sequence[str]) -> list[int]:
    """Put titles in the order of their likeness to a question, which may be in another language than they."""
    likeness = encoder.encode(titles) @ encoder.encode([query])[0]
    places: list[int] = np.argsort(-likeness, kind="stable").tolist()
    return places


def build_knowledge(encoder: Encoder, articles: Iterable[tuple[str, str, str]]) -> EmbeddedKnowledge:
    """Build a knowledge base in memory.

    Args:
        encoder: Where vectors come from.
        articles: Id, title and text of each; a later one with the same id takes the place of the former.
    """
    index = PassageIndex()
    for article_id, title, text in articles:
        index.replace(index_article(encoder, article_id, 1, title, text))
    return EmbeddedKnowledge(encoder, index)


def build_passage(found: Found, asked: Asked) -> Passage:
    """Show a find as steps see it."""
    article = found.article
    return Passage(
        article_id=article.article_id,
        article_version=article.version,
        title=article.title,
        text=article.passages[found.ordinal],
        start=article.starts[found.ordinal],
        score=found.score,
        confidence=found.confidence,
        speaks_to=[asked.parts[place] for place in sorted(found.spoken_to)],
    )


def explain(found: Found, asked: Asked) -> Explanation:
    """Show a find with the parts of its score and of its confidence."""
    return Explanation(
        passage=build_passage(found, asked),
        similarity=found.similarity,
        lexical=found.lexical,
        evidence=asdict(found.evidence),
    )
