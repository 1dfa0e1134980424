"""The articles to answer from: those of a file, all or a part drawn by chance, or those that are stored."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ticketflow.adapters.tools import build_knowledge as build_stored_knowledge
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.evaluation.rows import Row
from ticketflow.settings import Settings
from ticketflow.storage.articles import list_changed
from ticketflow.storage.session import Sessions
from ticketflow.workflow.ports import KnowledgeBase


class Article(NamedTuple):
    """An article to search."""

    article_id: str
    title: str
    text: str


class Library(Protocol):
    """Where research looks, in each draw."""

    def ids(self, draw: int) -> frozenset[str] | None:
        """Name the articles of a draw; ``None`` if they are all there are."""
        ...

    def open(self, draw: int, settings: Settings) -> KnowledgeBase:
        """Open the knowledge base of a draw; the same number gives the same one."""
        ...


@dataclass(frozen=True)
class GivenLibrary:
    """Articles of a file.

    Attributes:
        articles: All articles.
        leave_out: The share of them that is missing in each draw.
        seed: Of the draws.
    """

    articles: Sequence[Article] = ()
    leave_out: float = 0.0
    seed: int = 0
    _built: dict[int, KnowledgeBase] = field(default_factory=dict)

    def ids(self, draw: int) -> frozenset[str]:
        """Name the articles of a draw."""
        return frozenset(article.article_id for article in self.draw(draw))

    def open(self, draw: int, settings: Settings) -> KnowledgeBase:
        """Index the articles of a draw, once."""
        number = draw if self.leave_out else 0
        if number not in self._built:
            self._built[number] = build_knowledge(shared_encoder(settings.encoder_model), self.draw(draw))
        return self._built[number]

    def draw(self, number: int) -> list[Article]:
        """Take a part of the articles by chance, in their order."""
        chance = random.Random(f"articles {self.seed} {number}")  # noqa: S311  # which are left out is no secret
        kept = chance.sample(range(len(self.articles)), round(len(self.articles) * (1 - self.leave_out)))
        return [self.articles[place] for place in sorted(kept)]


@dataclass(frozen=True)
class StoredLibrary:
    """The stored articles, as workers search them."""

    sessions: Sessions
    tenant: str

    def ids(self, draw: int) -> None:  # noqa: ARG002  # the same in each
        """Leave no article out of any draw."""
        return

    def open(self, draw: int, settings: Settings) -> KnowledgeBase:  # noqa: ARG002
        """Open the knowledge base that workers use."""
        return build_stored_knowledge(settings, self.sessions)

    def name_articles(self, rows: Sequence[Row]) -> list[Row]:
        """Give the articles that rows name by their external ids the ids that a search answers with."""
        with self.sessions() as session:
            stored = list_changed(session, self.tenant, 0)
            names = {str(each.external_id): str(each.id) for each in stored if each.deleted_at is None}
        return [_rename(row, names) for row in rows]


def _rename(row: Row, names: Mapping[str, str]) -> Row:
    if row.gold.articles is None:
        return row
    articles = frozenset(names.get(each, each) for each in row.gold.articles)
    return replace(row, gold=row.gold.model_copy(update={"articles": articles}))
