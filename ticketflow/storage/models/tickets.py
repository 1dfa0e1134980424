"""Tables. Every row of a caller's carries its tenant; every instant is aware UTC."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Sequence,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base
from ticketflow.workflow.lineage import FIRST_VERSION
from ticketflow.workflow.policy import SUSPECT_DEATHS
from ticketflow.workflow.state import DEFAULT_TENANT
from ticketflow.workflow.transitions import Status

EVERY_TENANT = "*"
EVERY_STEP = "all"
PRIORITIES = ("low", "normal", "high", "urgent")

_STATUSES = ", ".join(f"'{status}'" for status in Status)


class Ticket(Base):
    """A customer's request and where it stands.

    ``wake_at`` is the whole clock: a row with one is live, and when it passes the rest of the
    ticket's chain is published again under the next ``generation``. ``state`` holds everything
    the steps know; the columns computed from it exist to be filtered on. ``deaths`` counts processes that
    died with the step at hand; ``holder`` is the one that holds the lease, and ``lost_holders`` are those that let
    one go without a word (``storage.holders``). ``next_step`` is a step of the graph of ``graph_version``, which
    only processes that know it take further. ``request_id`` names the request the ticket came with,
    and ``traceparent`` (W3C) the trace that request began.
    """

    __tablename__ = "tickets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    external_id: Mapped[str | None]
    subject: Mapped[str]
    body: Mapped[str]
    customer_email: Mapped[str | None]
    customer_name: Mapped[str | None]
    channel: Mapped[str | None]
    ticket_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="1")

    status: Mapped[str] = mapped_column(server_default=Status.QUEUED)
    next_step: Mapped[str | None]
    graph_version: Mapped[int] = mapped_column(SmallInteger, server_default=str(FIRST_VERSION))
    generation: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[int] = mapped_column(server_default="1")
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    deaths: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    dispatches: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    dispatched_at: Mapped[datetime | None]
    is_in_flight: Mapped[bool] = mapped_column(server_default="false")
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    holder: Mapped[UUID | None]
    lost_holders: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    wake_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    forked_from: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"))
    request_id: Mapped[str | None]
    traceparent: Mapped[str | None]

    state: Mapped[dict[str, Any]]
    error: Mapped[dict[str, Any] | None]
    category: Mapped[str | None] = mapped_column(Computed("state->>'category'", persisted=True))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("priority BETWEEN 0 AND 3", name="priority"),
        CheckConstraint(
            "generation >= 0 AND version >= 1 AND attempt >= 0 AND dispatches >= 0 AND deaths >= 0", name="counters"
        ),
        CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease"),
        CheckConstraint(
            "status NOT IN ('queued', 'processing', 'awaiting_approval') OR wake_at IS NOT NULL", name="live_wakes"
        ),
        CheckConstraint("status NOT IN ('completed', 'failed', 'cancelled') OR wake_at IS NULL", name="ended_sleeps"),
        # Finding due tickets costs the same whatever the number of finished ones.
        Index("ix_tickets_due", "priority", "wake_at", postgresql_where=text("wake_at IS NOT NULL")),
        Index("ix_tickets_in_flight", "wake_at", postgresql_where=text("is_in_flight")),
        Index("ix_tickets_leased", "lease_until", postgresql_where=text("lease_token IS NOT NULL")),
        Index("ix_tickets_awaiting", "wake_at", postgresql_where=text("status = 'awaiting_approval'")),
        Index("ix_tickets_in_doubt", "id", postgresql_where=text("lost_holders <> '{}'")),
        Index("ix_tickets_suspect", "wake_at", postgresql_where=text(f"deaths >= {SUSPECT_DEATHS}")),
        Index("ix_tickets_status", "tenant", "status", "id"),
        Index("ix_tickets_forked_from", "forked_from", postgresql_where=text("forked_from IS NOT NULL")),
        Index("ix_tickets_external_id", "tenant", "external_id", postgresql_where=text("external_id IS NOT NULL")),
        Index(
            "ix_tickets_customer_email", "tenant", "customer_email", postgresql_where=text("customer_email IS NOT NULL")
        ),
    )


class TicketSearch(Base):
    """A ticket's words for full-text search, apart from the row that changes with every step."""

    __tablename__ = "ticket_search"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    document: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (Index("ix_ticket_search_document", "document", postgresql_using="gin"),)


class TicketEvent(Base):
    """A line of a ticket's trail; a trigger refuses UPDATE, DELETE and TRUNCATE."""

    __tablename__ = "ticket_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    type: Mapped[str]
    step: Mapped[str | None]
    round: Mapped[int | None] = mapped_column(SmallInteger)
    attempt: Mapped[int | None] = mapped_column(SmallInteger)
    generation: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        CheckConstraint(r"type ~ '^[a-z]+\.[a-z_]+$'", name="type"),
        Index("ix_ticket_events_ticket_id", "ticket_id", "id"),
    )


class TicketStep(Base):
    """The ledger: what a step answered, who spoke and what it cost. Unique per step and round.

    Rewinding a ticket supersedes rows instead of deleting them; ``ticket_version`` orders them.
    """

    __tablename__ = "ticket_steps"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    generation: Mapped[int]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    input_hash: Mapped[str]
    output: Mapped[dict[str, Any]]
    engines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    duration_s: Mapped[float]
    ticket_version: Mapped[int]
    superseded_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("round >= 1 AND attempts >= 1 AND duration_s >= 0", name="counters"),)


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


class ApiKey(Base):
    """A caller's key: only a digest of its secret is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    name: Mapped[str]
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """The stored answer to a request that may be repeated; scoped to the caller.

    Ticket and answer are missing only inside the transaction that makes them.
    """

    __tablename__ = "idempotency_keys"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"))
    response: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_idempotency_keys_created_at", "created_at"),
        Index("ix_idempotency_keys_ticket_id", "ticket_id"),
    )


class Pause(Base):
    """A step, or every step, that is not to be started, for one tenant or for all."""

    __tablename__ = "pauses"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LogLevel(Base):
    """What operators want logged for a while, by every process.

    Attributes:
        logger: It and all below it; the empty name is everybody's.
        until: When the settings hold again.
    """

    __tablename__ = "log_levels"

    logger: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str]
    until: Mapped[datetime]

    __table_args__ = (CheckConstraint("level IN ('debug', 'info', 'warning', 'error')", name="level"),)


class Worker(Base):
    """A worker process that proved not long ago that it consumes and works.

    Attributes:
        slots: Steps it runs at a time.
        queue_wait_s: How long messages lately waited for it, in seconds.
        hung: Steps that were past their time limit at ``hung_at``: ``ticket_id``, ``step`` and ``over_s`` of each.
    """

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int] = mapped_column(SmallInteger)
    queue_wait_s: Mapped[float] = mapped_column(server_default="0")
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    hung: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    hung_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("slots >= 1 AND queue_wait_s >= 0", name="counters"),)


class Holder(Base):
    """A process that may hold leases, as long as its heart beats.

    Attributes:
        host: Machine, boot and namespace in which its number means it.
        born: When it was started, in the machine's own measure.
    """

    __tablename__ = "holders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    born: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ClockJump(Base):
    """The database's clock jumped: how far, in seconds; negative when it was set back."""

    __tablename__ = "clock_jumps"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    by_s: Mapped[float]
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class TicketCorrection(Base):
    """What a person put right: kept as examples to learn from and as data to evaluate with.

    Attributes:
        field: What was changed: ``category``, ``priority``, ``entities`` or ``final_response``.
        before: The value the engine gave.
        after: The value the person gave; the same as ``before`` when they accepted it as it was.
        corrected_by: Id of the API key.
    """

    __tablename__ = "ticket_corrections"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    field: Mapped[str]
    before: Mapped[Any] = mapped_column(JSONB)
    after: Mapped[Any] = mapped_column(JSONB)
    note: Mapped[str | None]
    corrected_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("field IN ('category', 'priority', 'entities', 'final_response')", name="field"),
        Index("ix_ticket_corrections_field", "tenant", "field", "id"),
        Index("ix_ticket_corrections_ticket_id", "ticket_id"),
    )


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


class LlmAnswer(Base):
    """A model's answer, so that a step run twice pays once.

    Attributes:
        key: SHA-256 of model, prompt version, input and everything else the answer depends on.
        ticket_id: The ticket it was made for, whose erasure takes it along.
    """

    __tablename__ = "llm_answers"

    key: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"))
    model: Mapped[str]
    prompt_version: Mapped[str]
    answer: Mapped[dict[str, Any]]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_usd: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("ix_llm_answers_ticket_id", "ticket_id"),
        Index("ix_llm_answers_created_at", "created_at"),
    )


class LlmProvider(Base):
    """How much a provider may be asked, over all workers.

    Attributes:
        allowance: Calls left in the token bucket.
        refilled_at: When the bucket was last filled up.
        blocked_until: The provider asked for silence until then (``Retry-After``).
    """

    __tablename__ = "llm_providers"

    name: Mapped[str] = mapped_column(primary_key=True)
    allowance: Mapped[float]
    refilled_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_until: Mapped[datetime | None]


class LlmCall(Base):
    """A call under way; one whose process died stops counting at ``until``."""

    __tablename__ = "llm_calls"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(ForeignKey("llm_providers.name"))
    until: Mapped[datetime]

    __table_args__ = (Index("ix_llm_calls_provider", "provider", "until"),)
