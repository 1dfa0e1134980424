"""A step's hold on its ticket: claim, commit, retry later, park. One statement each.

Three fences keep every effect single: the *generation* a message carries, the *lease token* a
claim hands out, and the ledger row's primary key. A statement whose fence does not match changes
nothing and says so by returning nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.tickets import build_request
from ticketflow.workflow.transitions import RUNNABLE, Status


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for.

    Attributes:
        ticket_id: The ticket.
        step: The step it was sent to run.
        generation: The generation its message carries.
        is_redelivered: The broker says an earlier consumer died with this message: take over.
    """

    ticket_id: UUID
    step: str
    generation: int
    is_redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A granted claim.

    Attributes:
        token: Must be presented to commit; whoever claims next gets another.
        attempt: 1 for the first try of this step and round.
        round: 1 unless the step was looped back to.
        started_at: Database time of the claim.
        state: What the ticket arrived with and every finished step added.
    """

    claim: Claim
    token: UUID
    attempt: int
    round: int
    started_at: datetime
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim was not granted: where the ticket stood when it was asked for.

    Attributes:
        has_live_lease: Somebody else is at work on it and has not run out of time.
    """

    status: str
    generation: int
    next_step: str | None
    attempt: int
    has_live_lease: bool


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
        is_loop: The step lies behind: the running chain is superseded and a new one dispatched.
        wake_after: How long the next link may take before it is published again.
    """

    next_step: str | None
    is_loop: bool
    wake_after: timedelta


# The f-strings below share only this constant; every value is a bound parameter.
_APPEND_EVENTS = """
    INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation, detail)
    SELECT moved.id, moved.tenant, event.type, :step, :round, :attempt, :generation, event.detail
    FROM moved, jsonb_to_recordset(:events) AS event(type text, detail jsonb)
"""

_CLAIM = text("""
    WITH seen AS (
        SELECT id, status, generation, next_step, attempt, coalesce(lease_until > now(), false) AS has_live_lease
        FROM tickets WHERE id = :ticket_id
    ), moved AS (
        UPDATE tickets
        SET status = :processing, version = version + 1, attempt = attempt + 1, dispatches = 0, updated_at = now(),
            lease_token = :token, lease_until = now() + :lease, wake_at = now() + :lease
        WHERE id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
          AND attempt < :max_attempts
          AND (:is_redelivered OR lease_until IS NULL OR lease_until <= now())
        RETURNING id, tenant, attempt, subject, body, customer_name, customer_email, channel, created_at, state
    ), passed AS (
        SELECT count(*) + 1 AS round FROM ticket_steps WHERE ticket_id = :ticket_id AND step = :step
    ), started AS (
        INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation)
        SELECT moved.id, moved.tenant, 'step.started', :step, passed.round, moved.attempt, :generation
        FROM moved, passed
    )
    SELECT seen.status, seen.generation, seen.next_step, seen.attempt, seen.has_live_lease,
           moved.attempt AS claimed_attempt, passed.round, now() AS started_at, moved.id, moved.subject, moved.body,
           moved.customer_name, moved.customer_email, moved.channel, moved.created_at, moved.state
    FROM seen CROSS JOIN passed LEFT JOIN moved ON true
""")

_COMMIT = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET state = state || :output, version = version + 1, attempt = 0, error = NULL,
            lease_token = NULL, lease_until = NULL, updated_at = now(),
            status = :status, next_step = CAST(:next_step AS text), finished_at = CASE WHEN :is_last THEN now() END,
            generation = generation + CASE WHEN :is_loop THEN 1 ELSE 0 END,
            is_in_flight = NOT (:is_last OR :is_loop),
            wake_at = CASE WHEN :is_last THEN NULL WHEN :is_loop THEN now() ELSE now() + :wake_after END
        WHERE id = :ticket_id AND lease_token = :token
        RETURNING id, tenant, version
    ), ledger AS (
        INSERT INTO ticket_steps (ticket_id, step, round, tenant, generation, attempts, input_hash, output, engines,
                                  started_at, duration_s)
        SELECT moved.id, :step, :round, moved.tenant, :generation, :attempt, :input_hash, :output, :engines,
               :started_at, :duration_s
        FROM moved
    ), trail AS ({_APPEND_EVENTS})
    SELECT version FROM moved
""").bindparams(bindparam("output", type_=JSONB), bindparam("engines", type_=JSONB), bindparam("events", type_=JSONB))

_RETRY = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET version = version + 1, lease_token = NULL, lease_until = NULL, is_in_flight = false,
            wake_at = now() + :delay, error = :error, updated_at = now()
        WHERE id = :ticket_id AND lease_token = :token
        RETURNING id, tenant, version
    ), trail AS ({_APPEND_EVENTS})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB), bindparam("events", type_=JSONB))

_PARK = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET status = :failed, version = version + 1, lease_token = NULL, lease_until = NULL, is_in_flight = false,
            wake_at = NULL, error = :error, updated_at = now(), finished_at = now()
        WHERE id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
          AND (lease_token = CAST(:token AS uuid) OR (CAST(:token AS uuid) IS NULL AND attempt = :attempt))
        RETURNING id, tenant, version
    ), trail AS ({_APPEND_EVENTS})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB), bindparam("events", type_=JSONB))


def claim_step(session: Session, claim: Claim, lease: timedelta, max_attempts: int) -> Lease | Refusal | None:
    """Ask for a ticket; the attempt is counted before any work is done.

    Args:
        lease: How long the step may think before somebody else may take the ticket.
        max_attempts: Claims granted before the step counts as exhausted.

    Returns:
        A lease, or where the ticket stood when it was refused, or ``None`` for an unknown ticket.
    """
    token = uuid4()
    values = asdict(claim) | {
        "token": token,
        "lease": lease,
        "max_attempts": max_attempts,
        "runnable": sorted(RUNNABLE),
        "processing": Status.PROCESSING,
    }
    row = session.execute(_CLAIM, values).one_or_none()
    if row is None:
        return None
    if row.claimed_attempt is None:
        return Refusal(row.status, row.generation, row.next_step, row.attempt, row.has_live_lease)
    state = {**build_request(row), **row.state}
    return Lease(claim, token, row.claimed_attempt, row.round, row.started_at, state)


def commit_step(session: Session, lease: Lease, entry: LedgerEntry, move: Move, events: Sequence[Event]) -> int | None:
    """Take a finished step's effect: state, ledger, trail and the ticket's next place, at once.

    Returns:
        The ticket's new version, or ``None`` when the lease is no longer ours: nothing changed.
    """
    is_last = move.next_step is None
    values = _coordinates(lease, events) | {
        "output": dict(entry.output),
        "engines": list(entry.engines),
        "input_hash": entry.input_hash,
        "duration_s": entry.duration_s,
        "started_at": lease.started_at,
        "status": Status.COMPLETED if is_last else Status.PROCESSING,
        "is_last": is_last,
        "next_step": move.next_step,
        "is_loop": move.is_loop,
        "wake_after": move.wake_after,
    }
    return _version(session, _COMMIT, values)


def retry_later(
    session: Session, lease: Lease, delay: timedelta, error: Mapping[str, Any], events: Sequence[Event]
) -> int | None:
    """Give the ticket back and set its clock; the dispatcher sends the step again when it rings.

    Returns:
        The ticket's version, or ``None`` when the lease is no longer ours: nothing changed.
    """
    return _version(session, _RETRY, _coordinates(lease, events) | {"delay": delay, "error": dict(error)})


def park(session: Session, lease: Lease, error: Mapping[str, Any], events: Sequence[Event]) -> int | None:
    """End the ticket as failed at this step; finished steps are kept.

    Returns:
        The ticket's new version, or ``None`` when the lease is no longer ours: nothing changed.
    """
    return _version(session, _PARK, _coordinates(lease, events) | _parking(error))


def park_exhausted(
    session: Session, claim: Claim, attempt: int, error: Mapping[str, Any], events: Sequence[Event]
) -> int | None:
    """Park a ticket whose step may not be tried again and that nobody holds.

    Returns:
        The ticket's new version, or ``None`` when it moved on meanwhile: nothing changed.
    """
    values = asdict(claim) | {"token": None, "attempt": attempt, "round": None, "events": _rows(events)}
    return _version(session, _PARK, values | _parking(error))


def _version(session: Session, statement: TextClause, values: Mapping[str, Any]) -> int | None:
    """Run a fenced statement; ``None`` when the fence did not match."""
    version: int | None = session.scalar(statement, values)
    return version


def _parking(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"failed": Status.FAILED, "runnable": sorted(RUNNABLE), "error": dict(error)}


def _coordinates(lease: Lease, events: Sequence[Event]) -> dict[str, Any]:
    return asdict(lease.claim) | {
        "token": lease.token,
        "attempt": lease.attempt,
        "round": lease.round,
        "events": _rows(events),
    }


def _rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [{"type": event.type, "detail": dict(event.detail)} for event in events]
