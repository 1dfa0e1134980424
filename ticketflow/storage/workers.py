"""Workers that proved not long ago that they consume: who is there, and how much the fleet can take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Capacity:
    """What all live workers have to offer.

    Attributes:
        workers: How many there are.
        slots: Steps they run at a time; 0 when none is known.
        queue_wait: The longest that messages lately waited for any of them.
    """

    workers: int
    slots: int
    queue_wait: timedelta


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
class HungStep:
    """A step whose thread does not come back.

    Attributes:
        worker: Who has it; the name ends with the host's.
        over_s: Seconds since its time limit passed.
    """

    worker: str
    ticket_id: UUID
    step: str
    over_s: float


# A worker that did not end in order leaves its row behind; a day is long enough to look at it.
_RECORD = text("""
    WITH forgotten AS (
        DELETE FROM workers WHERE name IN (
            SELECT name FROM workers WHERE seen_at < now() - interval '1 day' AND name <> :name FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO workers (name, slots, queue_wait_s) VALUES (:name, :slots, :queue_wait_s)
    ON CONFLICT (name) DO UPDATE
    SET slots = excluded.slots, queue_wait_s = excluded.queue_wait_s, seen_at = now()
""")

_FORGET = text("DELETE FROM workers WHERE name = :name")

_RECORD_HUNG = text("UPDATE workers SET hung = :hung, hung_at = now() WHERE name = :name").bindparams(
    bindparam("hung", type_=JSONB)
)

# A worker says it again every few seconds; what one that was killed said last is of no interest.
_HUNG = text("""
    SELECT name, CAST(each.ticket_id AS uuid), each.step,
           each.over_s + CAST(extract(epoch FROM now() - hung_at) AS double precision) AS over_s
    FROM workers, jsonb_to_recordset(hung) AS each(ticket_id text, step text, over_s double precision)
    WHERE hung_at > now() - interval '1 minute' ORDER BY over_s DESC
""")

_LIST = text("""
    SELECT name, slots, extract(epoch FROM now() - seen_at)::float8 FROM workers ORDER BY name
""")

_MEASURE = text("""
    SELECT count(*), coalesce(sum(slots), 0), coalesce(max(queue_wait_s), 0)
    FROM workers WHERE seen_at > now() - :alive_for
""")


def record_worker(session: Session, name: str, slots: int, queue_wait_s: float) -> None:
    """Put down that a worker has just consumed a message and run it."""
    session.execute(_RECORD, {"name": name, "slots": slots, "queue_wait_s": queue_wait_s})


def delete_worker(session: Session, name: str) -> None:
    """Strike a worker off the list."""
    session.execute(_FORGET, {"name": name})


def record_hung(session: Session, name: str, hung: Sequence[HungStep]) -> None:
    """Put down which steps of a worker hang, if any."""
    steps = [{"ticket_id": str(each.ticket_id), "step": each.step, "over_s": each.over_s} for each in hung]
    session.execute(_RECORD_HUNG, {"name": name, "hung": steps})


def list_workers(session: Session) -> list[SeenWorker]:
    """List the workers that have not said that they end."""
    return [SeenWorker(*row) for row in session.execute(_LIST)]


def list_hung(session: Session) -> list[HungStep]:
    """List the steps that hang just now, the longest first."""
    return [HungStep(*row) for row in session.execute(_HUNG)]


def measure_capacity(session: Session, alive_for: timedelta) -> Capacity:
    """Add up the workers.

    Args:
        alive_for: How long a worker counts after it was last seen.
    """
    workers, slots, queue_wait_s = session.execute(_MEASURE, {"alive_for": alive_for}).one()
    return Capacity(workers, slots, timedelta(seconds=queue_wait_s))
