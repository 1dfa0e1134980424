"""Who may call, and what each was answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base
from ticketflow.workflow.state import DEFAULT_TENANT


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
