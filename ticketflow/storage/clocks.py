"""Rows whose clock was set by a clock that ran ahead: after the database's was set back they would wait for that long.

Nothing waits longer than its kind of wait can last. What lies further ahead is brought back, as far as the row's own
stamps say how long it was to wait, else to the longest that its kind allows. What a person chose stays: ``not_before``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from ticketflow.storage.due import MAX_DOUBLINGS
from ticketflow.storage.webhook_deliveries import LAST_REST
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_WAIT_S
from ticketflow.workflow.transitions import Status

# What the rows of one pass may be: the walk goes on where it ended, so a pass costs the same however many wait.
LOOKED_AT = 1000
# Clocks that are kept right are moved by less.
TOLERANCE = timedelta(seconds=2)
# Jumps in one direction that follow each other this closely are one, seen by several processes or row by row.
ONE_JUMP = timedelta(minutes=1)
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LongestWaits:
    """How far ahead each kind of clock may lie.

    Attributes:
        lease: A held ticket's.
        redispatch: A published ticket's, the first time, and a link's to the next step; it doubles with each dispatch.
        backoff: A ticket's that is tried again.
        busy: The same, where the other side said when to come again (``busy_error`` is that error's class).
        delivery_lease: A webhook's that is being sent.
        delivery_retry: A webhook's that is sent again.
        block: A provider's that asked not to be called.
        call: A call's to it.
    """

    lease: timedelta
    redispatch: timedelta
    backoff: timedelta
    busy: timedelta
    busy_error: str
    delivery_lease: timedelta
    delivery_retry: timedelta
    block: timedelta
    call: timedelta


@dataclass(frozen=True, slots=True)
class Jump:
    """The database's clock was not what it had been.

    Attributes:
        by_s: Seconds it was set forward; negative when it was set back.
    """

    seen_at: datetime
    by_s: float


# The longest wait of a ticket's kind, or the one it was given where its stamp lies in the future. Where ``lease_until``
# is the clock, ``wake_at`` may be whatever its dispatch made it.
_TICKETS_LATEST = f"""
    CASE WHEN lease_until IS NOT NULL THEN now() + :redispatch * power(2, {MAX_DOUBLINGS})
         WHEN status = '{Status.AWAITING_APPROVAL}'
         THEN now() + make_interval(secs => CAST(state #>> '{{approval_request,timeout_s}}' AS double precision))
         ELSE greatest(not_before, now() + least(
             CASE WHEN is_in_flight THEN :redispatch * power(2, least(greatest(dispatches - 1, 0), {MAX_DOUBLINGS}))
                  WHEN deaths > 0 THEN make_interval(secs => {SUSPECT_WAIT_S * 2**MAX_DEATHS})
                  WHEN error ->> 'class' = :busy_error THEN :busy
                  WHEN attempt > 0 THEN :backoff
                  ELSE interval '1 s' END,
             CASE WHEN updated_at > now() THEN wake_at - updated_at END))
    END
"""
# The walk begins at what is barely ahead: whatever a jump moved lies before what was to wait for long anyhow.
_TICKETS = text(f"""
    WITH looked AS (
        SELECT near.* FROM unnest(ARRAY[3, 2, 1, 0]) AS level(priority)
        CROSS JOIN LATERAL (
            SELECT id, priority, wake_at, {_TICKETS_LATEST} AS latest FROM tickets
            WHERE tickets.priority = level.priority
              AND wake_at > greatest(now() + :tolerance, CAST(:after AS timestamptz))
            ORDER BY wake_at LIMIT :limit
        ) AS near
    ), strayed AS (
        SELECT tickets.id, tickets.wake_at, looked.latest
        FROM tickets JOIN looked ON tickets.id = looked.id AND tickets.wake_at = looked.wake_at
        WHERE looked.wake_at > looked.latest + :tolerance
        FOR NO KEY UPDATE OF tickets SKIP LOCKED
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY wake_at) * interval '1 us' AS place FROM strayed
    ), moved AS (
        UPDATE tickets SET wake_at = placed.latest + placed.place, updated_at = least(updated_at, now())
        FROM placed WHERE tickets.id = placed.id
        RETURNING extract(epoch FROM placed.wake_at - placed.latest) AS by_s
    )
    SELECT (SELECT coalesce(max(by_s), 0) FROM moved) AS by_s,
           (SELECT min(last) FROM (SELECT max(wake_at) AS last FROM looked GROUP BY priority
                                   HAVING count(*) >= :limit) AS full_levels) AS after
""")  # noqa: S608  # a constant of ours

# The clocks of everything else. Each is a range of an index, or a table of a few rows.
_LEASES = """
    WITH strayed AS (
        SELECT id, lease_until, now() + CASE WHEN lease_token IS NULL THEN :redispatch ELSE :lease END AS latest
        FROM tickets
        WHERE is_in_flight AND lease_until > now() + :tolerance
                                             + CASE WHEN lease_token IS NULL THEN :redispatch ELSE :lease END
        ORDER BY lease_until LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE tickets SET lease_until = strayed.latest
    FROM strayed WHERE tickets.id = strayed.id
    RETURNING extract(epoch FROM strayed.lease_until - strayed.latest)
"""
_DELIVERIES = """
    WITH looked AS (
        SELECT near.* FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
            SELECT id, next_attempt_at, CASE
                WHEN status = 'sending' THEN now() + :delivery_lease
                WHEN next_attempt_at <= requested_at THEN now()
                ELSE now() + least(:delivery_retry,
                                   CASE WHEN last_attempt_at > now() THEN next_attempt_at - last_attempt_at END)
                END AS latest
            FROM webhook_deliveries WHERE endpoint_id = endpoint.id AND next_attempt_at > now() + :tolerance
            ORDER BY next_attempt_at LIMIT :limit
        ) AS near
        WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
    ), strayed AS (
        SELECT delivery.id, delivery.next_attempt_at, looked.latest
        FROM webhook_deliveries AS delivery
        JOIN looked ON delivery.id = looked.id AND delivery.next_attempt_at = looked.next_attempt_at
        WHERE looked.next_attempt_at > looked.latest + :tolerance
        FOR NO KEY UPDATE OF delivery SKIP LOCKED
    )
    UPDATE webhook_deliveries AS delivery
    SET next_attempt_at = strayed.latest, requested_at = least(requested_at, now())
    FROM strayed WHERE delivery.id = strayed.id
    RETURNING extract(epoch FROM strayed.next_attempt_at - strayed.latest)
"""


def _cap(table: str, key: str, column: str, longest: str, also: str = "") -> str:
    """Build a statement that brings one column of a small table back."""
    return f"""
        WITH strayed AS (
            SELECT {key}, {column} FROM {table} WHERE {column} > now() + {longest} + :tolerance
            FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE {table} SET {column} = now() + {longest}{also} FROM strayed WHERE {table}.{key} = strayed.{key}
        RETURNING extract(epoch FROM strayed.{column} - now() - {longest})
    """  # noqa: S608  # constants of ours


# A provider asked for a pause, and how long it was to be shows by when its bucket was last filled up.
_AS_MUCH_LESS = ", blocked_until = blocked_until - (strayed.refilled_at - now())"
_OTHERS = [
    text(statement)
    for statement in (
        _LEASES,
        _DELIVERIES,
        _cap("webhook_endpoints", "id", "rests_until", ":rest"),
        _cap("webhook_endpoints", "id", "failing_since", "interval '0'"),
        _cap("workers", "name", "seen_at", "interval '0'"),
        _cap("llm_providers", "name", "refilled_at", "interval '0'", _AS_MUCH_LESS),
        _cap("llm_providers", "name", "blocked_until", ":block"),
        _cap("llm_calls", "id", "until", ":call"),
    )
]

_RECORD = text("""
    WITH forgotten AS (DELETE FROM clock_jumps WHERE seen_at < now() - :kept_for)
    INSERT INTO clock_jumps (by_s)
    SELECT :by_s WHERE NOT EXISTS (
        SELECT FROM clock_jumps WHERE seen_at > now() - :one_jump AND sign(by_s) = sign(CAST(:by_s AS double precision))
    )
    RETURNING id
""")

_LIST = text("SELECT seen_at, by_s FROM clock_jumps WHERE seen_at > now() - :within ORDER BY id DESC")
_COUNT = text("SELECT count(*) FROM clock_jumps")


def read_clock(session: Session) -> datetime:
    """Read the clock of the database's machine."""
    now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def bring_tickets_back(
    session: Session, longest: LongestWaits, after: datetime | None, limit: int = LOOKED_AT
) -> tuple[float, datetime | None]:
    """Look at some of the tickets that wait, and bring those back that would wait too long.

    Args:
        after: Where the pass before ended.

    Returns:
        How far ahead the furthest of those brought back was, in seconds, and where the next pass goes on.
    """
    row = session.execute(_TICKETS, {**_values(_TICKETS, longest, limit), "after": after}).one()
    return float(row.by_s), after if row.by_s else row.after


def bring_others_back(session: Session, longest: LongestWaits, limit: int = LOOKED_AT) -> float:
    """Bring leases, webhooks, workers and the limits of providers back.

    Returns:
        How far ahead the furthest was, in seconds.
    """
    strayed = (session.scalars(each, _values(each, longest, limit)) for each in _OTHERS)
    return max((float(by_s) for found in strayed for by_s in found), default=0.0)


def record_jump(session: Session, by_s: float) -> bool:
    """Put down that the database's clock has jumped, unless that is known.

    Args:
        by_s: Seconds it was set forward; negative when it was set back.

    Returns:
        Whether it was news.
    """
    values = {"by_s": by_s, "one_jump": ONE_JUMP, "kept_for": KEPT_FOR}
    return session.scalar(_RECORD, values) is not None


def list_jumps(session: Session, within: timedelta) -> Sequence[Jump]:
    """List the jumps seen lately, the last one first."""
    return [Jump(*row) for row in session.execute(_LIST, {"within": within})]


def count_jumps(session: Session) -> int:
    """Count the jumps of the last month."""
    return session.scalar(_COUNT) or 0


def _values(statement: TextClause, longest: LongestWaits, limit: int) -> dict[str, Any]:
    known = {**asdict(longest), "rest": LAST_REST, "tolerance": TOLERANCE, "limit": limit}
    return {name: value for name, value in known.items() if name in statement._bindparams}  # noqa: SLF001
