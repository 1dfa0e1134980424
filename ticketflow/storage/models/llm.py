"""What workers remember together of chat models."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base
from ticketflow.workflow.state import DEFAULT_TENANT


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
