"""The tables of webhooks; ``models`` has all others and imports these."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base
from ticketflow.workflow.state import DEFAULT_TENANT


class WebhookEndpoint(Base):
    """An address that is told of events of its tenant's tickets. A deleted one stays, without its secrets.

    Attributes:
        events: Types of events it is told of.
        secret: What deliveries are signed with, as ``whsec_`` and base64.
        previous_secret: What they are signed with as well until ``previous_secret_until``.
        disabled_reason: Why it was disabled; ``None`` when a person did it, or when it is not.
        failures: Attempts that failed since the last one that did not.
        rests_until: Nothing is sent to it before, because the last attempt failed.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    url: Mapped[str]
    description: Mapped[str | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str | None]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_secret_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("failures >= 0 AND version >= 1", name="counters"),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing"),
        # Also how a ticket that ends finds its tenant's endpoints.
        Index("uq_webhook_endpoints_url", "tenant", "url", unique=True, postgresql_where=text("deleted_at IS NULL")),
    )


class WebhookDelivery(Base):
    """One event for one endpoint, written together with the event itself.

    Attributes:
        id: The ``webhook-id`` of every attempt.
        event_id: The line of the trail it tells of; ``None`` for a test.
        payload: The ``data`` of the message: how the ticket stood at that moment.
        attempts: Times it was taken up to be sent; also the fence for whoever reports back.
        next_attempt_at: Its clock. While it is being sent: when the sender counts as dead.
        requested_at: When it was first asked for, or asked for again; it is given up some time after.
        response_status: What the last answer said, if there was one.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(server_default=DEFAULT_TENANT)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"))
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str]
    payload: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_attempt_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        CheckConstraint("status IN ('pending', 'sending', 'delivered', 'failed')", name="status"),
        CheckConstraint("(status IN ('pending', 'sending')) = (next_attempt_at IS NOT NULL)", name="live_wakes"),
        CheckConstraint("(status IN ('delivered', 'failed')) = (finished_at IS NOT NULL)", name="ended"),
        # Finding due deliveries costs the same whatever the number of finished ones.
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_webhook_deliveries_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_ticket_id", "ticket_id"),
        Index("ix_webhook_deliveries_finished_at", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )
