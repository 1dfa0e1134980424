"""What engines learn from: articles, resolved tickets, and the classifiers fitted on both."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Sequence,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base
from ticketflow.workflow.state import DEFAULT_TENANT

ARTICLE_REVISION = Sequence("articles_revision_seq", metadata=Base.metadata)


class Article(Base):
    """An article of the knowledge base. A deleted one stays, so that citations keep a referent."""

    __tablename__ = "articles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    external_id: Mapped[str | None]
    title: Mapped[str]
    body: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    version: Mapped[int] = mapped_column(server_default="1")
    revision: Mapped[int] = mapped_column(BigInteger, ARTICLE_REVISION, server_default=ARTICLE_REVISION.next_value())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("tenant", "external_id"),
        CheckConstraint("version >= 1", name="version"),
        Index("ix_articles_revision", "tenant", "revision"),
    )


class ArticleVersion(Base):
    """What an article said in each of its versions, so that a citation can always be looked up."""

    __tablename__ = "article_versions"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    title: Mapped[str]
    body: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ArticlePassage(Base):
    """A window of an article and its vector, so that no process has to compute it twice."""

    __tablename__ = "article_passages"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    article_version: Mapped[int]
    encoder: Mapped[str]
    text: Mapped[str]
    vector: Mapped[bytes] = mapped_column(LargeBinary)


RESOLVED_REVISION = Sequence("resolved_tickets_revision_seq", metadata=Base.metadata)


class ResolvedTicket(Base):
    """A ticket whose answer a person approved: what it asked, without personal data, as a vector.

    Attributes:
        question: The customer's words with personal data taken out.
        reply: What was sent, with personal data taken out.
        vector: float32 numbers, little-endian, packed.
    """

    __tablename__ = "resolved_tickets"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    revision: Mapped[int] = mapped_column(BigInteger, RESOLVED_REVISION, server_default=RESOLVED_REVISION.next_value())
    encoder: Mapped[str]
    question: Mapped[str]
    reply: Mapped[str]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_resolved_tickets_revision", "tenant", "revision"),)


class ClassifierModel(Base):
    """A fitted classifier, with the taxonomy it was fitted on; all workers use the same.

    Attributes:
        fingerprint: SHA-256 of all that the fit depends on; the same inputs are never fitted twice.
        artefact: The numbers, as NumPy's ``.npz``.
        metrics: Cross-validated figures of the fit.
        published_at: Since when workers use it; ``None`` for the fit of a taxonomy file.
    """

    __tablename__ = "classifier_models"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    taxonomy: Mapped[dict[str, Any]]
    artefact: Mapped[bytes] = mapped_column(LargeBinary)
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    published_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("tenant", "fingerprint"),)
