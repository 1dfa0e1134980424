"""What the database knows about the health of the whole system; cheap however many tickets there are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.storage.webhook_deliveries import FAILING
from ticketflow.workflow.transitions import RUNNABLE, Status

# Counting ends here: "more than ten thousand" says as much as the number.
MOST = 10_000
# The last events tell how things go just now; about 300 tickets leave so many.
LAST_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Due:
    """Tickets that a dispatcher may publish.

    Attributes:
        count: How many, at most ``MOST`` of each priority.
        oldest_s: How long the first of them has been due, in seconds.
    """

    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker that has not said that it ends.

    Attributes:
        silent_s: Seconds since it last proved that it consumes.
    """

    name: str
    slots: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class Parked:
    """Tickets that failed at a step with the same class of error."""

    step: str
    error: str
    count: int


@dataclass(frozen=True, slots=True)
class StepTries:
    """How the tries of a step went lately."""

    step: str
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How tickets ended lately.

    Attributes:
        spoilt: Of ``count``, those that failed or took too long.
    """

    count: int
    spoilt: int


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why a chat model did not answer lately, so that the embedded engine spoke."""

    engine: str
    failure: str
    count: int


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    """A webhook endpoint that takes nothing.

    Attributes:
        failures: Attempts in a row that failed.
        disabled_reason: Why it was switched off; ``None`` where it is still tried.
    """

    id: UUID
    failures: int
    disabled_reason: str | None


_DUE = text(f"""
    SELECT count(*), extract(epoch FROM now() - min(ripe.wake_at))::float8
    FROM unnest(ARRAY[3, 2, 1, 0]) AS level(priority)
    CROSS JOIN LATERAL (
        SELECT wake_at FROM tickets
        WHERE tickets.priority = level.priority AND wake_at <= now() AND status = ANY(:runnable)
          AND lease_token IS NULL AND NOT {IS_PAUSED}
        ORDER BY wake_at LIMIT :most
    ) AS ripe
""")  # noqa: S608  # a constant of ours

# Each dispatch in a row that led to no claim counts; the first one proves nothing yet.
_UNCLAIMED = text("""
    SELECT count(*) FROM tickets WHERE is_in_flight AND wake_at > now() AND lease_token IS NULL AND dispatches > 1
""")

_WORKERS = text("""
    SELECT name, slots, extract(epoch FROM now() - seen_at)::float8 FROM workers ORDER BY name
""")

# One range of the index on (tenant, status) for each tenant, found by skipping from one to the next.
_PARKED = text("""
    WITH RECURSIVE known(tenant) AS (
        (SELECT tenant FROM tickets ORDER BY tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant FROM tickets WHERE tickets.tenant > known.tenant ORDER BY tenant LIMIT 1)
        FROM known WHERE known.tenant IS NOT NULL
    )
    SELECT next_step, error->>'class', count(*)
    FROM known CROSS JOIN LATERAL (
        SELECT next_step, error FROM tickets
        WHERE tickets.tenant = known.tenant AND status = :failed ORDER BY id DESC LIMIT :most
    ) AS parked
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
""")

_TRIES = text("""
    SELECT step, count(*) FILTER (WHERE type = 'step.completed'),
           count(*) FILTER (WHERE type IN ('step.retrying', 'step.failed'))
    FROM (SELECT step, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    WHERE created_at > now() - :within AND step IS NOT NULL
    GROUP BY step ORDER BY step
""")

_ENDED = text("""
    SELECT count(*), count(*) FILTER (WHERE type = 'ticket.failed' OR finished_at - tickets.created_at > :limit)
    FROM (SELECT ticket_id, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    JOIN tickets ON tickets.id = lately.ticket_id
    WHERE type IN ('ticket.completed', 'ticket.failed') AND lately.created_at > now() - :within
""")

_FALLBACKS = text("""
    SELECT spoken->>'engine', spoken->>'failure', count(*)
    FROM (SELECT ticket_id, step, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    JOIN ticket_steps USING (ticket_id, step), jsonb_array_elements(engines) AS spoken
    WHERE type = 'step.completed' AND created_at > now() - :within AND spoken->>'failure' IS NOT NULL
    GROUP BY 1, 2 ORDER BY 3 DESC
""")

_FAILING_ENDPOINTS = text("""
    SELECT id, failures, disabled_reason FROM webhook_endpoints
    WHERE deleted_at IS NULL AND (enabled AND failures >= :failing OR disabled_reason IS NOT NULL)
    ORDER BY failing_since, id
""")

_EXPIRING = text("SELECT count(*) FROM tickets WHERE status = :awaiting AND wake_at <= now() + :within")

_BLOCKED = text("""
    SELECT name, extract(epoch FROM blocked_until - now())::float8 AS seconds
    FROM llm_providers WHERE blocked_until > now()
""")

_CONNECTED = text("""
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name
""")


def read_clock(session: Session) -> datetime:
    """Read the clock of the database's machine."""
    now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def measure_due(session: Session) -> Due:
    """Count the tickets that wait for a dispatcher; those that are paused do not."""
    count, oldest_s = session.execute(_DUE, {"runnable": sorted(RUNNABLE), "most": MOST}).one()
    return Due(count, oldest_s or 0.0)


def count_unclaimed(session: Session) -> int:
    """Count tickets that were published more than once because no worker took them."""
    return session.scalar(_UNCLAIMED) or 0


def list_workers(session: Session) -> list[SeenWorker]:
    """List the workers that have not said that they end."""
    return [SeenWorker(*row) for row in session.execute(_WORKERS)]


def count_parked(session: Session) -> list[Parked]:
    """Count parked tickets by step and class of error, the commonest first."""
    rows = session.execute(_PARKED, {"failed": Status.FAILED, "most": MOST})
    return [Parked(step or "-", error or "-", count) for step, error, count in rows]


def count_tries(session: Session, within: timedelta) -> list[StepTries]:
    """Count how each step went lately."""
    return [StepTries(*row) for row in session.execute(_TRIES, {"last": LAST_EVENTS, "within": within})]


def count_ended(session: Session, within: timedelta, limit: timedelta) -> Ended:
    """Count tickets that ended lately, and those of them that failed or took longer than ``limit``."""
    return Ended(*session.execute(_ENDED, {"last": LAST_EVENTS, "within": within, "limit": limit}).one())


def count_fallbacks(session: Session, within: timedelta) -> list[Fallback]:
    """Count questions a chat model did not answer lately, the commonest failure first."""
    return [Fallback(*row) for row in session.execute(_FALLBACKS, {"last": LAST_EVENTS, "within": within})]


def list_failing_endpoints(session: Session) -> list[FailingEndpoint]:
    """List the webhook endpoints that take nothing, and those that were switched off for it."""
    return [FailingEndpoint(*row) for row in session.execute(_FAILING_ENDPOINTS, {"failing": FAILING})]


def count_expiring_approvals(session: Session, within: timedelta) -> int:
    """Count tickets whose time for a person's decision runs out soon."""
    return session.scalar(_EXPIRING, {"awaiting": Status.AWAITING_APPROVAL, "within": within}) or 0


def list_blocked_providers(session: Session) -> dict[str, float]:
    """Return the providers that asked not to be called, and for how many more seconds."""
    return {row.name: row.seconds for row in session.execute(_BLOCKED)}


def count_connected(session: Session, application_name: str) -> int:
    """Count the connections of a kind of process to this database."""
    return session.scalar(_CONNECTED, {"name": application_name}) or 0
