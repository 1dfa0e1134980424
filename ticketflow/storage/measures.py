"""What only the database knows of the whole system; each query reads what is live, however many tickets have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.workflow.transitions import RUNNABLE, Status


@dataclass(frozen=True, slots=True)
class LiveTickets:
    """Tickets of one status and priority whose clock runs.

    Attributes:
        priority: 0 is low, 3 urgent.
        due: Of ``count``, those a dispatcher may publish now; paused ones are not among them.
        oldest_due_s: How long the first of them has been due, in seconds.
        in_flight: Of ``count``, those whose chain is out and not overdue.
    """

    status: str
    priority: int
    count: int
    due: int
    oldest_due_s: float
    in_flight: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers that proved lately that they consume.

    Attributes:
        slots: Steps they run at a time.
    """

    workers: int
    slots: int


# By ix_tickets_due, which holds tickets with a clock alone. Pauses are looked up once for each group, not each ticket.
_LIVE = text(f"""
    SELECT status, priority, CAST(sum(count) AS bigint), CAST(coalesce(sum(due) FILTER (WHERE is_open), 0) AS bigint),
           CAST(coalesce(extract(epoch FROM now() - min(due_since) FILTER (WHERE is_open)), 0) AS double precision),
           CAST(sum(in_flight) AS bigint)
    FROM (
        SELECT *, NOT {IS_PAUSED} AS is_open
        FROM (
            SELECT tenant, next_step, status, priority, count(*) AS count, count(*) FILTER (WHERE is_due) AS due,
                   min(wake_at) FILTER (WHERE is_due) AS due_since,
                   count(*) FILTER (WHERE is_in_flight AND wake_at > now()) AS in_flight
            FROM (
                SELECT *, wake_at <= now() AND status = ANY(:runnable) AND lease_token IS NULL AS is_due
                FROM tickets WHERE wake_at IS NOT NULL
            ) AS live
            GROUP BY tenant, next_step, status, priority
        ) AS tickets
    ) AS grouped
    GROUP BY status, priority
""")  # noqa: S608  # a constant of ours

# By ix_tickets_status, one range for each tenant, found by skipping from one tenant to the next.
_PARKED = text("""
    WITH RECURSIVE known(tenant) AS (
        SELECT min(tenant) FROM tickets
        UNION ALL
        SELECT (SELECT min(tenant) FROM tickets WHERE tickets.tenant > known.tenant)
        FROM known WHERE known.tenant IS NOT NULL
    )
    SELECT coalesce(sum(parked.count), 0)
    FROM known CROSS JOIN LATERAL (
        SELECT count(*) AS count FROM tickets WHERE tickets.tenant = known.tenant AND status = :failed
    ) AS parked
""")

_PAUSES = text("SELECT step, count(*) FROM pauses GROUP BY step")

_FLEET = text("SELECT count(*), coalesce(sum(slots), 0) FROM workers WHERE seen_at > now() - :alive_for")

_SIZE = text("SELECT pg_database_size(current_database())")


def measure_live(session: Session) -> Sequence[LiveTickets]:
    """Count the tickets that have not ended, by status and priority."""
    return [LiveTickets(*row) for row in session.execute(_LIVE, {"runnable": sorted(RUNNABLE)})]


def count_parked(session: Session) -> int:
    """Count the tickets that failed and wait for somebody to repair the cause."""
    return int(session.scalar(_PARKED, {"failed": Status.FAILED}) or 0)


def count_pauses(session: Session) -> dict[str, int]:
    """Count the pauses in force by step; steps without one are left out."""
    return {step: count for step, count in session.execute(_PAUSES)}  # noqa: C416  # rows are no pairs to mypy


def measure_fleet(session: Session, alive_for: timedelta) -> Fleet:
    """Count workers and their slots.

    Args:
        alive_for: How long a worker counts after it was last seen.
    """
    return Fleet(*session.execute(_FLEET, {"alive_for": alive_for}).one())


def measure_size(session: Session) -> int:
    """Return how much room the database takes, in bytes."""
    return int(session.scalar(_SIZE) or 0)
