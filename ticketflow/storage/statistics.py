"""What only the database knows of the whole system; cheap however many tickets have ended.

What the exporter asks for every scrape is exact and reads what is live. What people ask once, in words, ends its
counting at ``MOST`` and looks at the last events alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.due import IS_FREE, TARGET
from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.storage.webhook_deliveries import FAILING
from ticketflow.workflow.events import EventType
from ticketflow.workflow.lineage import Lineage
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
class Backlog:
    """Tickets that stand at one step and are not out as messages.

    Attributes:
        due: Tickets a dispatcher may publish.
        oldest_due_s: How long the first of them has been due, in seconds; ``None`` without any.
        failed: Tickets that failed here.
    """

    due: int
    oldest_due_s: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where tickets stand that this version leaves to one that knows their step."""

    graph_version: int
    step: str
    count: int


@dataclass(frozen=True, slots=True)
class FailureKind:
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
          AND {IS_FREE} AND NOT {IS_PAUSED}
        ORDER BY wake_at LIMIT :most
    ) AS ripe
""")

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
                SELECT *, wake_at <= now() AND status = ANY(:runnable) AND {IS_FREE} AS is_due
                FROM tickets WHERE wake_at IS NOT NULL
            ) AS live
            GROUP BY tenant, next_step, status, priority
        ) AS tickets
    ) AS grouped
    GROUP BY status, priority
""")

_BACKLOG = text(f"""
    SELECT next_step, count(*) FILTER (WHERE wake_at IS NOT NULL),
           CAST(extract(epoch FROM now() - min(wake_at)) AS double precision), count(*) FILTER (WHERE wake_at IS NULL)
    FROM (
        SELECT next_step, wake_at FROM tickets
        WHERE wake_at <= now() AND status = ANY(:runnable) AND {IS_FREE}
        UNION ALL
        SELECT next_step, NULL FROM tickets WHERE status = :failed
    ) AS waiting
    GROUP BY next_step
""")

# Each dispatch in a row that led to no claim counts; the first one proves nothing yet.
_UNCLAIMED = text("""
    SELECT count(*) FROM tickets WHERE is_in_flight AND wake_at > now() AND lease_token IS NULL AND dispatches > 1
""")

# Makes ix_tickets_status one range for each tenant, found by skipping from one tenant to the next.
_KNOWN_TENANTS = """
    WITH RECURSIVE known(tenant) AS (
        SELECT min(tenant) FROM tickets
        UNION ALL
        SELECT (SELECT min(tenant) FROM tickets WHERE tickets.tenant > known.tenant)
        FROM known WHERE known.tenant IS NOT NULL
    )
"""

_FAILED = text(f"""
    {_KNOWN_TENANTS}
    SELECT coalesce(sum(failed.count), 0)
    FROM known CROSS JOIN LATERAL (
        SELECT count(*) AS count FROM tickets WHERE tickets.tenant = known.tenant AND status = :failed
    ) AS failed
""")

_FAILED_BY_ERROR = text(f"""
    {_KNOWN_TENANTS}
    SELECT next_step, error->>'class', count(*)
    FROM known CROSS JOIN LATERAL (
        SELECT next_step, error FROM tickets
        WHERE tickets.tenant = known.tenant AND status = :failed ORDER BY id DESC LIMIT :most
    ) AS failed
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
""")

# No graph of this version has their step.
_IS_LEFT_BEHIND = f"wake_at IS NOT NULL AND {TARGET} IS NULL"
_TARGETS = bindparam("targets", type_=JSONB)

_LEFT_BEHIND = text(f"SELECT id FROM tickets WHERE {_IS_LEFT_BEHIND} ORDER BY id").bindparams(_TARGETS)

_LEFT_BEHIND_BY_PLACE = text(f"""
    SELECT graph_version, next_step, count(*)
    FROM (SELECT graph_version, next_step FROM tickets WHERE {_IS_LEFT_BEHIND} LIMIT :most) AS left_behind
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
""").bindparams(_TARGETS)

_PAUSES = text("SELECT step, count(*) FROM pauses GROUP BY step")

_TRIES = text(f"""
    SELECT step, count(*) FILTER (WHERE type = '{EventType.STEP_COMPLETED}'),
           count(*) FILTER (WHERE type IN ('{EventType.STEP_RETRYING}', '{EventType.STEP_FAILED}'))
    FROM (SELECT step, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    WHERE created_at > now() - :within AND step IS NOT NULL
    GROUP BY step ORDER BY step
""")

_ENDED = text(f"""
    SELECT count(*),
           count(*) FILTER (WHERE type = '{EventType.TICKET_FAILED}' OR finished_at - tickets.created_at > :limit)
    FROM (SELECT ticket_id, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    JOIN tickets ON tickets.id = lately.ticket_id
    WHERE type IN ('{EventType.TICKET_COMPLETED}', '{EventType.TICKET_FAILED}') AND lately.created_at > now() - :within
""")

_FALLBACKS = text(f"""
    SELECT engine_call->>'engine', engine_call->>'failure', count(*)
    FROM (SELECT ticket_id, step, type, created_at FROM ticket_events ORDER BY id DESC LIMIT :last) AS lately
    JOIN ticket_steps USING (ticket_id, step), jsonb_array_elements(engines) AS engine_call
    WHERE type = '{EventType.STEP_COMPLETED}' AND created_at > now() - :within AND engine_call->>'failure' IS NOT NULL
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

_SIZE = text("SELECT pg_database_size(current_database())")


def measure_due(session: Session) -> Due:
    """Count the tickets that wait for a dispatcher; those that are paused do not."""
    count, oldest_s = session.execute(_DUE, {"runnable": sorted(RUNNABLE), "most": MOST}).one()
    return Due(count, oldest_s or 0.0)


def measure_live(session: Session) -> Sequence[LiveTickets]:
    """Count the tickets that have not ended, by status and priority."""
    return [LiveTickets(*row) for row in session.execute(_LIVE, {"runnable": sorted(RUNNABLE)})]


def measure_backlog(session: Session) -> dict[str, Backlog]:
    """Measure what waits at each step; steps at which nothing does are left out."""
    rows = session.execute(_BACKLOG, {"runnable": sorted(RUNNABLE), "failed": Status.FAILED})
    return {step: Backlog(*counts) for step, *counts in rows}


def count_unclaimed(session: Session) -> int:
    """Count tickets that were published more than once because no worker took them."""
    return session.scalar(_UNCLAIMED) or 0


def count_failed(session: Session) -> int:
    """Count the tickets that failed and wait for somebody to repair the cause."""
    return int(session.scalar(_FAILED, {"failed": Status.FAILED}) or 0)


def count_failed_by_error(session: Session) -> list[FailureKind]:
    """Count failed tickets by step and class of error, the commonest first."""
    rows = session.execute(_FAILED_BY_ERROR, {"failed": Status.FAILED, "most": MOST})
    return [FailureKind(step or "-", error or "-", count) for step, error, count in rows]


def list_left_behind(session: Session, lineage: Lineage) -> Sequence[UUID]:
    """List the tickets of every tenant that this lineage does not know, oldest first."""
    return session.scalars(_LEFT_BEHIND, {"targets": lineage.targets}).all()


def count_left_behind(session: Session, lineage: Lineage) -> list[Place]:
    """Count such tickets by where they stand, most of them first."""
    values = {"targets": lineage.targets, "most": MOST}
    return [Place(*row) for row in session.execute(_LEFT_BEHIND_BY_PLACE, values)]


def count_pauses(session: Session) -> dict[str, int]:
    """Count the pauses in force by step; steps without one are left out."""
    return {step: count for step, count in session.execute(_PAUSES)}  # noqa: C416  # rows are no pairs to mypy


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


def measure_size(session: Session) -> int:
    """Return how much room the database takes, in bytes."""
    return int(session.scalar(_SIZE) or 0)
