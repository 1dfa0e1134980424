"""Tickets, and what hangs on each: its words, its trail, its ledger, and what people put right."""

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
    SmallInteger,
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

_STATUSES = ", ".join(f"'{status}'" for status in Status)


class Ticket(Base):
    """A customer's request and where it stands.

    ``wake_at`` is the clock: a row with one is live, and when it passes the rest of the ticket's chain is published
    again under the next ``generation``. While a chain is out (``is_in_flight``) the row changes with every step, and
    with an index it would be written anew each time: then the clock is ``lease_until``, until when the holder of
    ``lease_token`` or, without one, the link to the next step may take, and ``wake_at`` follows it when it passes.
    ``state`` holds everything
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
        CheckConstraint("lease_token IS NULL OR lease_until IS NOT NULL", name="lease"),
        CheckConstraint(
            "status NOT IN ('queued', 'processing', 'awaiting_approval') OR wake_at IS NOT NULL", name="live_wakes"
        ),
        CheckConstraint("status NOT IN ('completed', 'failed', 'cancelled') OR wake_at IS NULL", name="ended_sleeps"),
        # Finding due tickets costs the same whatever the number of finished ones.
        Index("ix_tickets_due", "priority", "wake_at", postgresql_where=text("wake_at IS NOT NULL")),
        Index("ix_tickets_in_flight", "wake_at", postgresql_where=text("is_in_flight")),
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
