"""A step's hold on its ticket: begun without one, claimed, extended. One statement each.

Three fences keep every effect single: the *generation* a message carries, the *lease token* a claim hands out, and the
ledger row's primary key. The first try of a step begins without a lease: as long as nothing happens to the ticket, its
commit is as good as a holder's. Who thinks for longer than a moment claims (``extend_leases``); whatever went wrong
before asks first (``claim_step``).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.storage.holders import UNSEEN_HOLDER, WITH_LOST_HOLDER
from ticketflow.storage.pauses import IS_PAUSED
from ticketflow.storage.session import limit_statements
from ticketflow.storage.tickets import build_request
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
    """A granted claim, or a first try that has none yet.

    Attributes:
        token: Must be presented to commit once it is claimed; whoever claims next gets another.
        attempt: 1 for the first try of this step and round.
        round: 1 unless the step was looped or rewound to.
        waited_s: Seconds since the message was sent.
        started_at: Database time of the claim.
        accepted_s: When the ticket was accepted, on the clock ``time.monotonic`` of this process.
        state: What the ticket arrived with and every finished step added.
        is_claimed: Whether the ticket's row says so. If not, the commit stands if nobody else has claimed it.
        version: The ticket's when it was read; 0 where it was claimed.
    """

    claim: Claim
    token: UUID
    attempt: int
    round: int
    waited_s: float
    started_at: datetime
    accepted_s: float
    state: Mapping[str, Any]
    is_claimed: bool = True
    version: int = 0


@dataclass(frozen=True, slots=True)
class Refusal(Standing):
    """Why a claim was not granted: where the ticket stood when it was asked for.

    Attributes:
        accepted_s: When the ticket was accepted, on the clock ``time.monotonic`` of this process.
    """

    claim: Claim
    round: int
    accepted_s: float


AS_SEEN = """
    id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
    AND lease_token IS NOT DISTINCT FROM CAST(:token AS uuid)
"""
"""A condition on ``tickets``: nothing happened to the ticket since it was seen. Who lets go of one moves it on."""

# What is read of a ticket to think about it.
_KNOWN = "id, tenant, subject, body, customer_name, customer_email, channel, created_at, state"
_ROUND = "(SELECT count(*) + 1 FROM ticket_steps WHERE ticket_id = :ticket_id AND step = :step)"

_BEGIN = text(f"""
    SELECT {_KNOWN}, version, {_ROUND} AS round, now() AS started_at, extract(epoch FROM now() - created_at) AS age_s,
           coalesce(extract(epoch FROM now() - dispatched_at), 0) AS waited_s
    FROM tickets
    WHERE id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
      AND graph_version = :graph_version AND attempt = 0 AND lease_token IS NULL
      AND deaths = 0 AND lost_holders = '{{}}' AND NOT {IS_PAUSED}
""")

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
        SET status = :processing, version = version + 1, attempt = attempt + 1, dispatches = 0, is_in_flight = true,
            lost_holders = {WITH_LOST_HOLDER} || {UNSEEN_HOLDER}, holder = :holder,
            lease_token = :token, lease_until = now() + :lease
        WHERE id = :ticket_id AND generation = :generation AND next_step = :step AND status = ANY(:runnable)
          AND graph_version = :graph_version
          AND attempt < :max_attempts AND deaths < :max_deaths AND NOT {IS_PAUSED}
          AND (deaths < :suspect_deaths OR :is_alone)
          AND (lease_token IS NULL OR (deaths = 0 AND lost_holders - CAST(id AS text) = '{{}}'
                   AND (lease_until <= now() OR :is_redelivered AND holder IS DISTINCT FROM :holder)))
        RETURNING {_KNOWN}, attempt, dispatched_at
    ), passed AS (
        SELECT {_ROUND} AS round
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

# What its own is to a token: the ticket it holds, or the one that still stands where its first try began.
_IS_OURS = """
    tickets.id = ours.id AND (lease_token = ours.token
        OR NOT ours.is_claimed AND lease_token IS NULL AND attempt = 0 AND deaths = 0 AND next_step = ours.step
           AND tickets.generation = ours.generation AND status = ANY(:runnable))
"""
# One row that somebody else has locked must not cost the others their leases: it is skipped, and stays ours.
_EXTEND = text(f"""
    WITH ours AS (
        SELECT * FROM unnest(CAST(:ticket_ids AS uuid[]), CAST(:tokens AS uuid[]), CAST(:leases AS interval[]),
                             CAST(:generations AS integer[]), CAST(:steps AS text[]), CAST(:rounds AS smallint[]),
                             CAST(:started AS timestamptz[]), CAST(:claimed AS boolean[]))
                      AS ours(id, token, lease, generation, step, round, started_at, is_claimed)
    ), free AS (
        SELECT ours.*, lease_token IS NULL AS is_new FROM tickets JOIN ours ON {_IS_OURS}
        FOR NO KEY UPDATE OF tickets SKIP LOCKED
    ), extended AS (
        UPDATE tickets
        SET lease_until = now() + free.lease, lease_token = free.token, holder = :holder, status = :processing,
            attempt = greatest(attempt, 1), version = version + CAST(free.is_new AS integer), dispatches = 0,
            is_in_flight = true
        FROM free WHERE tickets.id = free.id
        RETURNING tickets.id, tickets.tenant, free.token, free.is_new, free.step, free.round, free.generation,
                  free.started_at
    ), started AS (
        INSERT INTO ticket_events (ticket_id, tenant, type, step, round, attempt, generation, created_at)
        SELECT id, tenant, '{EventType.STEP_STARTED}', step, round, 1, generation, started_at FROM extended WHERE is_new
    )
    SELECT ours.token, EXISTS (SELECT FROM extended WHERE extended.token = ours.token) AS is_claimed
    FROM tickets JOIN ours ON {_IS_OURS}
""")


def begin_step(session: Session, claim: Claim, graph_version: int = FIRST_VERSION) -> Lease | None:
    """Begin the first try of a step without claiming it: nothing is written.

    Whoever else was sent the same message may begin as well; one of them commits. ``extend_leases`` claims it later.

    Returns:
        ``None`` where the ticket does not stand there untouched, or may not go on: ``claim_step`` says why.
    """
    values = asdict(claim) | {"graph_version": graph_version, "runnable": sorted(RUNNABLE)}
    row = session.execute(_BEGIN, values).one_or_none()
    if row is None:
        return None
    return replace(_read_lease(row, claim, uuid4(), attempt=1), is_claimed=False, version=row.version)


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
            accepted_s=_accepted_s(row),
        )
    return _read_lease(row, claim, token, attempt=row.claimed_attempt)


def extend_leases(
    session: Session, held: Sequence[tuple[Lease, timedelta]], timeout: timedelta, holder: UUID | None = None
) -> dict[UUID, bool]:
    """Extend leases from now on, in a transaction of its own; a ticket that somebody has locked is skipped.

    A first try that was begun without a claim gets it here.

    Args:
        held: Each lease, and how long from now.
        timeout: How long the database may take.
        holder: The process whose they are.

    Returns:
        Whether it is claimed now, by token, for all that are still good; the others' tickets belong to somebody else or
        to nobody.
    """
    session.connection(execution_options={"isolation_level": "READ COMMITTED"})  # else the time-out outlives it
    limit_statements(session, timeout)
    values = {
        "ticket_ids": [lease.claim.ticket_id for lease, _ in held],
        "tokens": [lease.token for lease, _ in held],
        "leases": [lasts for _, lasts in held],
        "generations": [lease.claim.generation for lease, _ in held],
        "steps": [lease.claim.step for lease, _ in held],
        "rounds": [lease.round for lease, _ in held],
        "started": [lease.started_at for lease, _ in held],
        "claimed": [lease.is_claimed for lease, _ in held],
        "holder": holder,
        "processing": Status.PROCESSING,
        "runnable": sorted(RUNNABLE),
    }
    return {row.token: row.is_claimed for row in session.execute(_EXTEND, values)}


def _read_lease(row: Any, claim: Claim, token: UUID, *, attempt: int) -> Lease:
    return Lease(
        claim=claim,
        token=token,
        attempt=attempt,
        round=row.round,
        waited_s=float(row.waited_s),
        started_at=row.started_at,
        accepted_s=_accepted_s(row),
        state={**build_request(row), **row.state},
    )


def _accepted_s(row: Any) -> float:
    return time.monotonic() - float(row.age_s)
