"""Tickets whose clock has rung: the one query behind dispatch, retry, recovery and schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.holders import IN_DOUBT, WITH_LOST_HOLDER
from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.workflow.events import EventType
from ticketflow.workflow.lineage import Lineage
from ticketflow.workflow.policy import SUSPECT_DEATHS
from ticketflow.workflow.transitions import RUNNABLE, Status

MAX_DOUBLINGS = 6
# No wait is longer for it, and the column holds no more.
MOST_DISPATCHES = 32_767
# An advisory lock of PostgreSQL is a number; any will do that nobody else uses: "TFwi".
_WINDOW_KEY = 0x54467769
# Whoever is frozen with the window locked loses it after this long, with its connection.
_LONGEST_PAUSE = "5s"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A ticket to publish: the chain starts at ``next_step`` and carries ``generation``.

    Attributes:
        dispatches: 1 for the first time; more when no worker claimed what was sent before.
        request_id: The request the ticket came with.
        traceparent: The place that request had in a trace.
    """

    ticket_id: UUID
    generation: int
    next_step: str
    dispatches: int = 1
    request_id: str | None = None
    traceparent: str | None = None


# The release before claims tickets that are not in flight: once such a lease has run out, nobody else ends it.
IS_FREE = "(lease_token IS NULL OR NOT is_in_flight) AND (lease_until IS NULL OR lease_until <= now())"
"""Nobody is at work on a ticket, and no link to its next step is on its way."""

# Between dispatch and end ``wake_at`` is only the next time to look: how long to wait is in ``lease_until``.
_MOVE_CLOCKS = text("""
    WITH strayed AS (
        SELECT id FROM tickets
        WHERE is_in_flight AND (wake_at <= now() AND lease_until > now()
                                OR wake_at > now() AND lease_until <= now() AND lease_token IS NULL)
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE tickets SET wake_at = lease_until FROM strayed WHERE tickets.id = strayed.id
""")

# Leases are those of tickets in flight, and these are few: there is no index that a claim would have to keep.
_EXPIRE = text(f"""
    WITH expired AS (
        SELECT id FROM tickets WHERE is_in_flight AND lease_token IS NOT NULL AND lease_until <= now()
        ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE tickets
        SET lost_holders = {WITH_LOST_HOLDER}, holder = NULL, lease_token = NULL, lease_until = NULL,
            version = version + 1, updated_at = now(), generation = generation + 1, is_in_flight = false,
            wake_at = now()
        FROM expired WHERE tickets.id = expired.id
        RETURNING tickets.id, tenant, next_step, attempt, generation, deaths
    )
    INSERT INTO ticket_events (ticket_id, tenant, type, step, attempt, generation, detail)
    SELECT id, tenant, '{EventType.STEP_LEASE_EXPIRED}', next_step, attempt, generation,
           jsonb_build_object('deaths', deaths)
    FROM moved RETURNING ticket_id
""")

# What happens was settled when they were asked, whatever this process's settings say.
_EXPIRE_APPROVALS = text(f"""
    WITH overdue AS (
        SELECT id, wake_at FROM tickets WHERE status = :awaiting AND wake_at <= now()
        ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE tickets
        SET status = :queued, version = version + 1, generation = generation + 1, wake_at = now(), updated_at = now(),
            state = state || jsonb_build_object('decision', jsonb_build_object(
                'action', state #> '{{approval_request,default_action}}', 'by', NULL))
        FROM overdue WHERE tickets.id = overdue.id
        RETURNING tickets.id, tenant, next_step, generation, state #> '{{decision,action}}' AS action,
                  coalesce(CAST(state #>> '{{approval_request,timeout_s}}' AS double precision), 0)
                  + extract(epoch FROM now() - overdue.wake_at) AS waited_s
    ), trail AS (
        INSERT INTO ticket_events (ticket_id, tenant, type, step, generation, detail)
        SELECT id, tenant, '{EventType.APPROVAL_EXPIRED}', next_step, generation, jsonb_build_object('action', action)
        FROM moved
    )
    SELECT CAST(waited_s AS double precision) FROM moved
""")

TARGET = "CAST(:targets AS jsonb) #>> ARRAY[CAST(tickets.graph_version AS text), tickets.next_step]"
"""The step of today's graph at which a ticket goes on; null where nobody here knows the step it stands at."""

# A ticket of an older graph changes over to today's where it sets out: no message of it is worth anything then.
# What failed at the step it leaves says nothing of the one it goes to.
_IS_SAME_STEP = "due.target = due.next_step"
_DEPART = f"""
    departed AS (
        UPDATE tickets
        SET generation = generation + 1, dispatches = least(dispatches + 1, {MOST_DISPATCHES}), is_in_flight = true,
            dispatched_at = now(), updated_at = now(), graph_version = :graph_version,
            lease_token = NULL, lease_until = NULL, holder = NULL,
            next_step = due.target,
            attempt = CASE WHEN {_IS_SAME_STEP} THEN attempt ELSE 0 END,
            deaths = CASE WHEN {_IS_SAME_STEP} THEN deaths ELSE 0 END,
            lost_holders = CASE WHEN {_IS_SAME_STEP} THEN lost_holders ELSE '{{}}' END,
            error = CASE WHEN {_IS_SAME_STEP} THEN error END,
            wake_at = now() + :redispatch_after * power(2, least(dispatches, :max_doublings))
        FROM due WHERE tickets.id = due.id
        RETURNING tickets.id, tickets.generation, tickets.next_step, tickets.dispatches, tickets.request_id,
                  tickets.traceparent, tickets.tenant, due.graph_version AS graph_before, due.next_step AS step_before
    ), changed AS (
        INSERT INTO ticket_events (ticket_id, tenant, type, step, generation, detail)
        SELECT id, tenant, '{EventType.TICKET_GRAPH_CHANGED}', next_step, generation,
               jsonb_build_object('from_version', graph_before, 'to_version', CAST(:graph_version AS integer),
                                  'from_step', step_before)
        FROM departed WHERE graph_before < :graph_version
    )
    SELECT id, generation, next_step, dispatches, request_id, traceparent FROM departed
"""
# Each priority is one range of the partial index, so neither finished tickets nor those in flight
# are ever visited, however many there are.
_CLAIM_DUE = text(f"""
    WITH due AS (
        SELECT ripe.id, ripe.graph_version, ripe.next_step, ripe.target
        FROM unnest(ARRAY[3, 2, 1, 0]) AS level(priority)
        CROSS JOIN LATERAL (
            SELECT id, priority, wake_at, graph_version, next_step, {TARGET} AS target FROM tickets
            WHERE tickets.priority = level.priority AND wake_at <= now() AND status = ANY(:runnable)
              AND {IS_FREE} AND (:takes_back OR NOT is_in_flight) AND deaths < {SUSPECT_DEATHS}
              AND (lost_holders = '{{}}' OR deaths + {IN_DOUBT} < {SUSPECT_DEATHS})
              AND {TARGET} IS NOT NULL AND NOT {IS_PAUSED}
            ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED
        ) AS ripe
        ORDER BY ripe.priority DESC, ripe.wake_at LIMIT :limit
    ), {_DEPART}
""").bindparams(bindparam("targets", type_=JSONB))

# A suspect travels without another one: two that meet in a worker could not be told apart. Whoever may yet become one
# waits until that is settled.
_CLAIM_SUSPECT = text(f"""
    WITH due AS (
        SELECT id, graph_version, next_step, {TARGET} AS target FROM tickets
        WHERE deaths >= {SUSPECT_DEATHS} AND wake_at <= now() AND {IS_FREE} AND {IN_DOUBT} = 0
          AND (:takes_back OR NOT is_in_flight)
          AND status = ANY(:runnable) AND {TARGET} IS NOT NULL AND NOT {IS_PAUSED}
          AND NOT EXISTS (SELECT FROM tickets AS other WHERE other.deaths >= {SUSPECT_DEATHS} AND other.is_in_flight
                                                         AND greatest(other.wake_at, other.lease_until) > now())
        ORDER BY wake_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ), {_DEPART}
""").bindparams(bindparam("targets", type_=JSONB))

# What was not sent has not waited for a worker: it counts for nothing. Here as below nobody waits for a locked row:
# that ticket's own clock brings it back.
_RELEASE = text("""
    WITH free AS (
        SELECT tickets.id FROM tickets
        JOIN unnest(CAST(:ticket_ids AS uuid[]), CAST(:generations AS integer[])) AS unsent(id, generation)
             ON tickets.id = unsent.id AND tickets.generation = unsent.generation
        WHERE lease_token IS NULL AND dispatches > 0
        FOR NO KEY UPDATE OF tickets SKIP LOCKED
    )
    UPDATE tickets SET is_in_flight = false, dispatches = dispatches - 1, wake_at = now() + :delay, updated_at = now()
    FROM free WHERE tickets.id = free.id RETURNING tickets.id
""")

_COUNT_IN_FLIGHT = text("SELECT count(*) FROM tickets WHERE is_in_flight AND wake_at > now()")

_WAKE_ALL = text(f"""
    WITH free AS (
        SELECT id FROM tickets WHERE is_in_flight AND status = ANY(:runnable) FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE tickets
    SET wake_at = now(), lost_holders = {WITH_LOST_HOLDER}, holder = NULL, lease_token = NULL, lease_until = NULL,
        is_in_flight = false, generation = generation + 1, updated_at = now()
    FROM free WHERE tickets.id = free.id RETURNING tickets.id
""")

_LOCK_WINDOW = text("SELECT pg_advisory_xact_lock(:key)")


def lock_window(session: Session) -> None:
    """Keep other dispatchers from counting and claiming until this transaction ends, so that the window is exact."""
    session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_LONGEST_PAUSE}'"))
    session.execute(_LOCK_WINDOW, {"key": _WINDOW_KEY})


def count_in_flight(session: Session) -> int:
    """Count tickets whose chain is out and not yet overdue; under ``lock_window`` nobody adds to them."""
    return session.scalar(_COUNT_IN_FLIGHT) or 0


def move_clocks(session: Session) -> None:
    """Set the clocks of tickets in flight by what became of them since: it is time to look, or not yet."""
    session.execute(_MOVE_CLOCKS)


def expire_leases(session: Session, limit: int) -> int:
    """Take tickets from holders that ran out of time; whether they are dead is an open question from then on.

    Whatever message the holder had is worth nothing from here on: only the dispatcher sends the ticket again.

    Returns:
        How many leases ended.
    """
    return len(session.execute(_EXPIRE, {"limit": limit}).all())


def expire_approvals(session: Session, limit: int) -> list[float]:
    """Send tickets on that waited for a person long enough, with what was to be done by default.

    Returns:
        How long each had waited, in seconds.
    """
    values = {"limit": limit, "awaiting": Status.AWAITING_APPROVAL, "queued": Status.QUEUED}
    return list(session.scalars(_EXPIRE_APPROVALS, values))


def claim_due(
    session: Session,
    limit: int,
    redispatch_after: timedelta,
    lineage: Lineage,
    *,
    changes_over: bool = True,
    takes_back: bool = True,
) -> list[Dispatch]:
    """Take up to ``limit`` due tickets, most urgent first, under their next generation; call it under ``lock_window``.

    Older messages of these tickets are worth nothing from here on. Tickets somebody holds are not
    due, paused steps are not started, and rows another dispatcher is busy with are skipped. Of those
    whose workers died twice, at most one is out at a time; where that is not settled yet, none.

    Args:
        redispatch_after: How long a published ticket may wait before it is due again; doubles
            with each dispatch that led to no claim, so a long queue is never flooded.
        lineage: The graphs this process knows. Tickets of an older one change over to the newest, by its rules; those
            of one that is newer still, or at a step that is none of theirs, are left to whoever knows it.
        changes_over: Whether tickets of older graphs are taken at all.
        takes_back: Whether those are due whose chain is out, and of which nobody has said anything for too long.
    """
    values = {
        "takes_back": takes_back,
        "limit": limit,
        "redispatch_after": redispatch_after,
        "max_doublings": MAX_DOUBLINGS,
        "runnable": sorted(RUNNABLE),
        "graph_version": lineage.version,
        "targets": lineage.targets if changes_over else {lineage.version: lineage.targets[lineage.version]},
    }
    suspects = [Dispatch(*row) for row in session.execute(_CLAIM_SUSPECT, values)]
    values["limit"] = limit - len(suspects)
    return [Dispatch(*row) for row in session.execute(_CLAIM_DUE, values)] + suspects


def release_unsent(session: Session, unsent: Sequence[Dispatch], delay: timedelta) -> int:
    """Make tickets due again after ``delay`` because their chain could not be published.

    A ticket that a worker has claimed meanwhile was published after all, and is left alone.

    Returns:
        How many were released.
    """
    values = {
        "ticket_ids": [dispatch.ticket_id for dispatch in unsent],
        "generations": [dispatch.generation for dispatch in unsent],
        "delay": delay,
    }
    return len(session.execute(_RELEASE, values).all())


def wake_in_flight(session: Session) -> int:
    """Make every published ticket due now: for a start after which no older worker can be alive.

    Returns:
        How many were woken.
    """
    return len(session.execute(_WAKE_ALL, {"runnable": sorted(RUNNABLE)}).all())
