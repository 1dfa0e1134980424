"""Tickets whose clock has rung: the one query behind dispatch, retry, recovery and schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.workflow.transitions import RUNNABLE

MAX_DOUBLINGS = 6


@dataclass(frozen=True, slots=True)
class Departure:
    """A ticket to publish: the chain starts at ``next_step`` and carries ``generation``."""

    ticket_id: UUID
    generation: int
    next_step: str


# Each priority is one range of the partial index, so neither finished tickets nor those in flight
# are ever visited, however many there are.
_CLAIM_DUE = text("""
    WITH due AS (
        SELECT ripe.id
        FROM unnest(ARRAY[3, 2, 1, 0]) AS level(priority)
        CROSS JOIN LATERAL (
            SELECT id, priority, wake_at FROM tickets
            WHERE tickets.priority = level.priority AND wake_at <= now() AND status = ANY(:runnable)
            ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED
        ) AS ripe
        ORDER BY ripe.priority DESC, ripe.wake_at LIMIT :limit
    )
    UPDATE tickets
    SET generation = generation + 1, dispatches = dispatches + 1, is_in_flight = true,
        lease_token = NULL, lease_until = NULL, updated_at = now(),
        wake_at = now() + :redispatch_after * power(2, least(dispatches, :max_doublings))
    FROM due WHERE tickets.id = due.id
    RETURNING tickets.id, tickets.generation, tickets.next_step
""")

_RELEASE = text("""
    UPDATE tickets SET is_in_flight = false, wake_at = now() + :delay, updated_at = now()
    FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:generations AS integer[])) AS unsent(id, generation)
    WHERE tickets.id = unsent.id AND tickets.generation = unsent.generation
      AND lease_token IS NULL AND dispatches > 0
    RETURNING tickets.id
""")

_COUNT_IN_FLIGHT = text("SELECT count(*) FROM tickets WHERE is_in_flight AND wake_at > now()")

_WAKE_ALL = text("UPDATE tickets SET wake_at = now() WHERE is_in_flight AND status = ANY(:runnable) RETURNING id")


def count_in_flight(session: Session) -> int:
    """Count tickets whose chain is out and not yet overdue."""
    return session.scalar(_COUNT_IN_FLIGHT) or 0


def claim_due(session: Session, limit: int, redispatch_after: timedelta) -> list[Departure]:
    """Take up to ``limit`` due tickets, most urgent first, under their next generation.

    Older messages of these tickets are worth nothing from here on, and whoever still held a lease
    can no longer commit. Rows another dispatcher is busy with are skipped.

    Args:
        redispatch_after: How long a published ticket may wait before it is due again; doubles
            with each dispatch that led to no claim, so a long queue is never flooded.
    """
    values = {
        "limit": limit,
        "redispatch_after": redispatch_after,
        "max_doublings": MAX_DOUBLINGS,
        "runnable": sorted(RUNNABLE),
    }
    return [Departure(*row) for row in session.execute(_CLAIM_DUE, values)]


def release_unsent(session: Session, unsent: Sequence[Departure], delay: timedelta) -> int:
    """Make tickets due again after ``delay`` because their chain could not be published.

    A ticket that a worker has claimed meanwhile was published after all, and is left alone.

    Returns:
        How many were released.
    """
    values = {
        "ticket_ids": [departure.ticket_id for departure in unsent],
        "generations": [departure.generation for departure in unsent],
        "delay": delay,
    }
    return len(session.execute(_RELEASE, values).all())


def wake_in_flight(session: Session) -> int:
    """Make every published ticket due now: for a start after which no older worker can be alive.

    Returns:
        How many were woken.
    """
    return len(session.execute(_WAKE_ALL, {"runnable": sorted(RUNNABLE)}).all())
