"""A step's hold on its ticket: claim, extend, commit, give back, fail. One statement each.

Three fences keep every effect single: the *generation* a message carries, the *lease token* a
claim hands out, and the ledger row's primary key. A statement whose fence does not match changes
nothing and says so by returning nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.holders import WITH_LOST_HOLDER
from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.storage.session import limit_statements
from ticketflow.storage.tickets import build_request
from ticketflow.storage.webhook_deliveries import MOVED, RECORD_DELIVERIES
from ticketflow.workflow.approval import ApprovalRequest
from ticketflow.workflow.events import EventType
from ticketflow.workflow.judge import Standing
from ticketflow.workflow.lineage import FIRST_VERSION
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_DEATHS
from ticketflow.workflow.transitions import RUNNABLE, Status


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for.

    Attributes:
        ticket_id: The ticket.
        step: The step it was sent to run.
        generation: The generation its message carries.
        is_redelivered: The broker says an earlier consumer lost this message, by its death or only by the loss of its
            connection.
        is_alone: Nothing else is under way in the process that asks, as far as it could wait for that (``Isolation``).
            A suspect is granted to nobody else.
    """

    ticket_id: UUID
    step: str
    generation: int
    is_redelivered: bool = False
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A granted claim.

    Attributes:
        token: Must be presented to commit; whoever claims next gets another.
        attempt: 1 for the first try of this step and round.
        round: 1 unless the step was looped or rewound to.
        waited_s: Seconds since the message was sent.
        started_at: Database time of the claim.
        accepted_s: When the ticket was accepted, on the clock ``time.monotonic`` of this process.
        state: What the ticket arrived with and every finished step added.
    """

    claim: Claim
    token: UUID
    attempt: int
    round: int
    waited_s: float
    started_at: datetime
    accepted_s: float
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal(Standing):
    """Why a claim was not granted: where the ticket stood when it was asked for.

    Attributes:
        accepted_s: When the ticket was accepted, on the clock ``time.monotonic`` of this process.
    """

    claim: Claim
    round: int
    accepted_s: float


@dataclass(frozen=True, slots=True)
class Event:
    """A line to append to the trail together with the change it tells of."""

    type: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger keeps of a finished step, besides its coordinates."""

    input_hash: str
    output: Mapping[str, Any]
    engines: Sequence[Mapping[str, Any]]
    duration_s: float


@dataclass(frozen=True, slots=True)
class Move:
    """Where a commit takes the ticket.

    Attributes:
        next_step: The step to run next; ``None`` completes the ticket.
        wake_after: How long the next link may take before it is published again.
        is_loop: The step lies behind: the running chain is superseded and a new one dispatched.
        request: What a person must decide before that step. The running chain is superseded; the one that goes on is
            dispatched when they have, or when their time is up.
    """

    next_step: str | None
    wake_after: timedelta
    is_loop: bool = False
    request: ApprovalRequest | None = None


# The f-strings below share only these constants; every value is a bound parameter.
_APPEND = """
    INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation, detail)
    SELECT moved.id, moved.tenant, event.type, :step, :round, :attempt, :generation, {detail}
    FROM moved, jsonb_to_recordset(:events) AS event(type text, detail jsonb)
    RETURNING id, ticket_id, type, created_at
"""
_APPEND_EVENTS = _APPEND.format(detail="event.detail")
# Until when a person may decide is known to the database alone: it has the only clock.
_APPEND_REQUEST = _APPEND.format(
    detail=f"""
    event.detail || CASE WHEN event.type = '{EventType.APPROVAL_REQUESTED}'
                    THEN jsonb_build_object('expires_at',
                         to_char(moved.wake_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'))
                    ELSE '{{}}' END"""
)
# Nothing happened to the ticket since it was seen.
_UNCHANGED = """
    id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
    AND attempt = :attempt AND lease_token IS NOT DISTINCT FROM CAST(:token AS uuid)
"""

# A ticket whose holder may be dead is taken over at once, but only once: whether that was a death is an open question
# (``holders``), and until it is settled the lease alone keeps others out. Nobody takes over from their own process.
_CLAIM = text(f"""
    WITH seen AS (
        SELECT id, status, generation, next_step, graph_version, attempt, deaths, lease_token,
               extract(epoch FROM now() - created_at) AS age_s,
               {IS_PAUSED} AS is_paused
        FROM tickets WHERE id = :ticket_id
    ), moved AS (
        UPDATE tickets
        SET status = :processing, version = version + 1, attempt = attempt + 1, dispatches = 0, updated_at = now(),
            lost_holders = {WITH_LOST_HOLDER}, holder = :holder,
            lease_token = :token, lease_until = now() + :lease, wake_at = now() + :lease
        WHERE id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
          AND graph_version = :graph_version
          AND attempt < :max_attempts AND deaths < :max_deaths AND NOT {IS_PAUSED}
          AND (deaths < :suspect_deaths OR :is_alone)
          AND (lease_token IS NULL OR (deaths = 0 AND lost_holders = '{{}}'
                   AND (lease_until <= now() OR :is_redelivered AND holder IS DISTINCT FROM :holder)))
        RETURNING id, tenant, attempt, dispatched_at, subject, body, customer_name, customer_email, channel,
                  created_at, state
    ), passed AS (
        SELECT count(*) + 1 AS round FROM ticket_steps WHERE ticket_id = :ticket_id AND step = :step
    ), started AS (
        INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation)
        SELECT moved.id, moved.tenant, '{EventType.STEP_STARTED}', :step, passed.round, moved.attempt, :generation
        FROM moved, passed
    )
    SELECT seen.status, seen.generation, seen.next_step, seen.graph_version, seen.attempt, seen.deaths,
           seen.lease_token, seen.is_paused, seen.age_s, passed.round, now() AS started_at,
           moved.attempt AS claimed_attempt,
           coalesce(extract(epoch FROM now() - moved.dispatched_at), 0) AS waited_s, moved.id, moved.tenant,
           moved.subject, moved.body, moved.customer_name, moved.customer_email, moved.channel, moved.created_at,
           moved.state
    FROM seen CROSS JOIN passed LEFT JOIN moved ON true
""")

# One row that somebody else has locked must not cost the others their leases: it is skipped, and stays ours.
_EXTEND = text("""
    WITH held AS (
        SELECT * FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:tokens AS uuid[]), CAST(:leases AS interval[]))
                      AS held(id, token, lease)
    ), free AS (
        SELECT tickets.id, held.lease FROM tickets JOIN held ON tickets.id = held.id AND lease_token = held.token
        FOR NO KEY UPDATE OF tickets SKIP LOCKED
    ), extended AS (
        UPDATE tickets SET lease_until = now() + free.lease, wake_at = now() + free.lease
        FROM free WHERE tickets.id = free.id
    )
    SELECT lease_token FROM tickets JOIN held ON tickets.id = held.id AND lease_token = held.token
""")

_COMMIT = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET state = state || :added, version = version + 1, attempt = 0, deaths = 0, lost_holders = '{{}}',
            error = NULL, lease_token = NULL, lease_until = NULL, holder = NULL,
            updated_at = now(), dispatched_at = now(),
            status = :status, next_step = CAST(:next_step AS text), finished_at = CASE WHEN :is_last THEN now() END,
            generation = generation + CASE WHEN :leaves_chain THEN 1 ELSE 0 END,
            is_in_flight = NOT (:is_last OR :leaves_chain),
            wake_at = CASE WHEN NOT :is_last THEN now() + :wake_after END
        WHERE id = :ticket_id AND lease_token = :token
        RETURNING {MOVED}, wake_at
    ), ledger AS (
        INSERT INTO ticket_steps (ticket_id, step, round, tenant, generation, attempts, input_hash, output, engines,
                                  started_at, duration_s, ticket_version)
        SELECT moved.id, :step, :round, moved.tenant, :generation, :attempt, :input_hash, :output, :engines,
               :started_at, :duration_s, moved.version
        FROM moved
    ), trail AS ({_APPEND_REQUEST}), told AS ({RECORD_DELIVERIES})
    SELECT version FROM moved
""").bindparams(*(bindparam(name, type_=JSONB) for name in ("added", "output", "engines", "events")))

_ASK = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET state = state || :added, version = version + 1, generation = generation + 1, attempt = 0, deaths = 0,
            lost_holders = '{{}}', status = :awaiting, lease_token = NULL, lease_until = NULL, holder = NULL,
            is_in_flight = false, updated_at = now(), wake_at = now() + :wake_after
        WHERE {_UNCHANGED}
        RETURNING {MOVED}, wake_at
    ), trail AS ({_APPEND_REQUEST}), told AS ({RECORD_DELIVERIES})
    SELECT version FROM moved
""").bindparams(bindparam("added", type_=JSONB), bindparam("events", type_=JSONB))

# Whoever gives a ticket back had a message of it: the next one need not wait longer for a worker than that one.
_GIVE_BACK = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET version = version + 1, generation = generation + 1, lease_token = NULL, lease_until = NULL, holder = NULL,
            is_in_flight = false, dispatches = 0, updated_at = now(),
            wake_at = now() + :delay, error = coalesce(:error, error)
        WHERE {_UNCHANGED}
        RETURNING id, tenant, version
    ), trail AS ({_APPEND_EVENTS})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB(none_as_null=True)), bindparam("events", type_=JSONB))

_FAIL = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET status = :failed, version = version + 1, lease_token = NULL, lease_until = NULL, holder = NULL,
            is_in_flight = false, wake_at = NULL, error = :error, updated_at = now(), finished_at = now()
        WHERE {_UNCHANGED}
        RETURNING {MOVED}
    ), trail AS ({_APPEND_EVENTS}), told AS ({RECORD_DELIVERIES})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB), bindparam("events", type_=JSONB))


def claim_step(
    session: Session,
    claim: Claim,
    lease: timedelta,
    max_attempts: int,
    graph_version: int = FIRST_VERSION,
    holder: UUID | None = None,
) -> Lease | Refusal | None:
    """Ask for a ticket; the attempt is counted before any work is done.

    Args:
        lease: How long the step may think before somebody else may take the ticket, unless extended.
        max_attempts: Claims granted before the step counts as exhausted.
        graph_version: Of the graph the step belongs to; tickets of any other are refused.
        holder: The process that asks.

    Returns:
        A lease, or where the ticket stood when it was refused, or ``None`` for an unknown ticket.
    """
    token = uuid4()
    values = asdict(claim) | {
        "token": token,
        "holder": holder,
        "lease": lease,
        "max_attempts": max_attempts,
        "max_deaths": MAX_DEATHS,
        "suspect_deaths": SUSPECT_DEATHS,
        "graph_version": graph_version,
        "runnable": sorted(RUNNABLE),
        "processing": Status.PROCESSING,
    }
    row = session.execute(_CLAIM, values).one_or_none()
    if row is None:
        return None
    accepted_s = time.monotonic() - float(row.age_s)
    if row.claimed_attempt is None:
        return Refusal(
            claim=claim,
            token=row.lease_token,
            attempt=row.attempt,
            round=row.round,
            deaths=row.deaths,
            status=row.status,
            generation=row.generation,
            next_step=row.next_step,
            graph_version=row.graph_version,
            is_paused=row.is_paused,
            accepted_s=accepted_s,
        )
    return Lease(
        claim=claim,
        token=token,
        attempt=row.claimed_attempt,
        round=row.round,
        waited_s=float(row.waited_s),
        started_at=row.started_at,
        accepted_s=accepted_s,
        state={**build_request(row), **row.state},
    )


def extend_leases(session: Session, held: Sequence[tuple[UUID, UUID, timedelta]], timeout: timedelta) -> set[UUID]:
    """Extend leases from now on, in a transaction of its own; a ticket that somebody has locked is skipped.

    Args:
        held: Ticket, token and how long from now.
        timeout: How long the database may take.

    Returns:
        The tokens that are still good; the others' tickets belong to somebody else or to nobody.
    """
    session.connection(execution_options={"isolation_level": "READ COMMITTED"})  # else the time-out outlives it
    limit_statements(session, timeout)
    ticket_ids, tokens, leases = (list(column) for column in zip(*held, strict=True))
    values = {"ticket_ids": ticket_ids, "tokens": tokens, "leases": leases}
    return set(session.scalars(_EXTEND, values))


def commit_step(session: Session, lease: Lease, entry: LedgerEntry, move: Move, events: Sequence[Event]) -> int | None:
    """Take a finished step's effect: state, ledger, trail and the ticket's next place, at once.

    Returns:
        The ticket's new version, or ``None`` when the lease is no longer ours: nothing changed.
    """
    is_last = move.next_step is None
    waiting = Status.PROCESSING if move.request is None else Status.AWAITING_APPROVAL
    values = _coordinates(lease, events) | {
        "added": {**entry.output, **_asked(move.request)},
        "output": dict(entry.output),
        "engines": list(entry.engines),
        "input_hash": entry.input_hash,
        "duration_s": entry.duration_s,
        "started_at": lease.started_at,
        "status": Status.COMPLETED if is_last else waiting,
        "is_last": is_last,
        "next_step": move.next_step,
        "leaves_chain": move.is_loop or move.request is not None,
        "wake_after": move.wake_after,
    }
    return _version(session, _COMMIT, values)


def ask_person(session: Session, lease: Lease, request: ApprovalRequest, events: Sequence[Event]) -> int | None:
    """Let go of a ticket whose step must not run before a person has decided; it waits for them.

    Returns:
        The ticket's new version, or ``None`` when the lease is no longer ours: nothing changed.
    """
    values = {
        "added": _asked(request),
        "awaiting": Status.AWAITING_APPROVAL,
        "wake_after": timedelta(seconds=request["timeout_s"]),
    }
    return _version(session, _ASK, _coordinates(lease, events) | values)


def give_back(
    session: Session,
    seen: Lease | Refusal,
    delay: timedelta,
    events: Sequence[Event] = (),
    *,
    error: Mapping[str, Any] | None = None,
) -> int | None:
    """Let go of a ticket and set its clock; the dispatcher sends the step again when it rings.

    Copies of the message that the broker may still deliver are worth nothing, so the wait is kept.

    Args:
        error: Why, if something failed; left out, an earlier error stays.

    Returns:
        The ticket's version, or ``None`` when it moved on meanwhile: nothing changed.
    """
    values = {"delay": delay, "error": error and dict(error)}
    return _version(session, _GIVE_BACK, _coordinates(seen, events) | values)


def fail(session: Session, seen: Lease | Refusal, error: Mapping[str, Any], events: Sequence[Event]) -> int | None:
    """End the ticket as failed at this step; finished steps are kept.

    Returns:
        The ticket's new version, or ``None`` when it moved on meanwhile: nothing changed.
    """
    values = {"failed": Status.FAILED, "error": dict(error)}
    return _version(session, _FAIL, _coordinates(seen, events) | values)


def _asked(request: ApprovalRequest | None) -> dict[str, Any]:
    return {} if request is None else {"approval_request": dict(request)}


def _version(session: Session, statement: TextClause, values: Mapping[str, Any]) -> int | None:
    """Run a fenced statement; ``None`` when the fence did not match."""
    version: int | None = session.scalar(statement, values)
    return version


def _coordinates(seen: Lease | Refusal, events: Sequence[Event]) -> dict[str, Any]:
    return asdict(seen.claim) | {
        "token": seen.token,
        "attempt": seen.attempt,
        "round": seen.round,
        "runnable": sorted(RUNNABLE),
        "events": [{"type": event.type, "detail": dict(event.detail)} for event in events],
    }
