"""What operators asked for, and the processes that do the work."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    SmallInteger,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ticketflow.storage.models.base import Base

EVERY_TENANT = "*"
EVERY_STEP = "all"


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
