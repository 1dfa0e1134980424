"""What waits in Postgres, step by step."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.workflow.transitions import RUNNABLE, Status


@dataclass(frozen=True, slots=True)
class Backlog:
    """Tickets that stand at one step and are not out as messages.

    Attributes:
        due: Tickets a dispatcher may publish.
        oldest_due_s: How long the first of them has been due, in seconds; ``None`` without any.
        parked: Tickets that failed here.
    """

    due: int
    oldest_due_s: float | None
    parked: int


_MEASURE = text("""
    SELECT next_step, count(*) FILTER (WHERE wake_at IS NOT NULL),
           CAST(extract(epoch FROM now() - min(wake_at)) AS double precision), count(*) FILTER (WHERE wake_at IS NULL)
    FROM (
        SELECT next_step, wake_at FROM tickets
        WHERE wake_at <= now() AND status = ANY(:runnable) AND lease_token IS NULL
        UNION ALL
        SELECT next_step, NULL FROM tickets WHERE status = :failed
    ) AS waiting
    GROUP BY next_step
""")


def measure_backlog(session: Session) -> dict[str, Backlog]:
    """Measure what waits at each step; steps at which nothing does are left out."""
    rows = session.execute(_MEASURE, {"runnable": sorted(RUNNABLE), "failed": Status.FAILED})
    return {step: Backlog(*counts) for step, *counts in rows}
