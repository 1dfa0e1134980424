"""What comes of a step: its effect, a question to a person, another try, or its ticket's end. One statement each.

Each says where the ticket stood when it was looked at. Where anything has happened to it since, by anybody, the
statement changes nothing and says so by returning nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.leases import AS_SEEN, Lease, Refusal
from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.storage.webhook_deliveries import MOVED, RECORD_DELIVERIES
from ticketflow.workflow.approval import ApprovalRequest
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import RUNNABLE, Status


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


class Passed(NamedTuple):
    """A step that has taken effect.

    Attributes:
        version: The ticket's new one.
        at: When, by the database's clock.
        next_round: Of the step to run next; ``None`` where that is paused.
    """

    version: int
    at: datetime
    next_round: int | None


# The f-strings below share only these constants; every value is a bound parameter.
_APPEND = """
    INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation, detail, created_at)
    SELECT moved.id, moved.tenant, event.type, :step, :round, :attempt, :generation, {detail},
           coalesce(event.created_at, clock_timestamp())
    FROM moved, jsonb_to_recordset(:events) AS event(type text, detail jsonb, created_at timestamptz)
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

# What is indexed stays as it is between dispatch and end, so that PostgreSQL changes the row in place (a heap-only
# tuple): until then ``lease_until`` is the clock, for the link that is on its way as for a step under way.
_COMMIT = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET state = state || :added, version = version + 1, attempt = 0, deaths = 0, lost_holders = '{{}}',
            error = NULL, lease_token = NULL, holder = NULL, dispatches = 0,
            updated_at = now(), dispatched_at = now(),
            status = :status, next_step = CAST(:next_step AS text), finished_at = CASE WHEN :is_last THEN now() END,
            generation = generation + CASE WHEN :leaves_chain THEN 1 ELSE 0 END,
            is_in_flight = NOT (:is_last OR :leaves_chain),
            lease_until = CASE WHEN NOT (:is_last OR :leaves_chain) THEN now() + :wake_after END,
            wake_at = CASE WHEN :is_last THEN NULL WHEN :leaves_chain THEN now() + :wake_after ELSE wake_at END
        WHERE {AS_SEEN}
        RETURNING {MOVED}, wake_at, {IS_PAUSED} AS is_paused
    ), ledger AS (
        INSERT INTO ticket_steps (ticket_id, step, round, tenant, generation, attempts, input_hash, output, engines,
                                  started_at, duration_s, ticket_version)
        SELECT moved.id, :step, :round, moved.tenant, :generation, :attempt, :input_hash, :output, :engines,
               :started_at, :duration_s, moved.version
        FROM moved
    ), trail AS ({_APPEND_REQUEST}), told AS ({RECORD_DELIVERIES})
    SELECT version, now() AS at, CASE WHEN NOT is_paused THEN
        (SELECT count(*) + 1 FROM ticket_steps WHERE ticket_id = :ticket_id AND step = :next_step) END AS next_round
    FROM moved
""").bindparams(*(bindparam(name, type_=JSONB) for name in ("added", "output", "engines", "events")))

_ASK = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET state = state || :added, version = version + 1, generation = generation + 1, attempt = 0, deaths = 0,
            lost_holders = '{{}}', status = :awaiting, lease_token = NULL, lease_until = NULL, holder = NULL,
            is_in_flight = false, updated_at = now(), wake_at = now() + :wake_after
        WHERE {AS_SEEN}
        RETURNING {MOVED}, wake_at
    ), trail AS ({_APPEND_REQUEST}), told AS ({RECORD_DELIVERIES})
    SELECT version FROM moved
""").bindparams(bindparam("added", type_=JSONB), bindparam("events", type_=JSONB))

# Whoever gives a ticket back had a message of it: the next one need not wait longer for a worker than that one.
_GIVE_BACK = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET version = version + 1, generation = generation + 1, lease_token = NULL, lease_until = NULL, holder = NULL,
            is_in_flight = false, dispatches = 0, updated_at = now(), attempt = :attempt,
            status = CASE WHEN attempt < :attempt THEN :processing ELSE status END,
            wake_at = now() + :delay, error = coalesce(:error, error)
        WHERE {AS_SEEN}
        RETURNING id, tenant, version
    ), trail AS ({_APPEND_EVENTS})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB(none_as_null=True)), bindparam("events", type_=JSONB))

_FAIL = text(f"""
    WITH moved AS (
        UPDATE tickets
        SET status = :failed, version = version + 1, attempt = :attempt, lease_token = NULL, lease_until = NULL,
            holder = NULL, is_in_flight = false, wake_at = NULL, error = :error, updated_at = now(), finished_at = now()
        WHERE {AS_SEEN}
        RETURNING {MOVED}
    ), trail AS ({_APPEND_EVENTS}), told AS ({RECORD_DELIVERIES})
    SELECT version FROM moved
""").bindparams(bindparam("error", type_=JSONB), bindparam("events", type_=JSONB))


def commit_step(
    session: Session, lease: Lease, entry: LedgerEntry, move: Move, events: Sequence[Event]
) -> Passed | None:
    """Take a finished step's effect: state, ledger, trail and the ticket's next place, at once.

    Returns:
        ``None`` when the lease is no longer ours: nothing changed.
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
    row = session.execute(_COMMIT, values).one_or_none()
    return None if row is None else Passed(*row)


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
    values = {"delay": delay, "error": error and dict(error), "processing": Status.PROCESSING}
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
    """Say where the ticket stood, and what happened since. A first try that nobody put down has still begun."""
    lines = [{"type": event.type, "detail": dict(event.detail), "created_at": None} for event in events]
    place = {"token": seen.token, "attempt": seen.attempt, "round": seen.round}
    if isinstance(seen, Lease) and not seen.is_claimed:
        place["token"] = None
        begun = seen.started_at.isoformat()
        lines.insert(0, {"type": EventType.STEP_STARTED, "detail": {}, "created_at": begun})
    return asdict(seen.claim) | place | {"runnable": sorted(RUNNABLE), "events": lines}
