"""Workers that proved not long ago that they consume: who is there, and how much the fleet can take."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Capacity:
    """What all live workers have to offer.

    Attributes:
        slots: Steps they run at a time; 0 when none is known.
        queue_wait: The longest that messages lately waited for any of them.
    """

    slots: int
    queue_wait: timedelta


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

_MEASURE = text("""
    SELECT coalesce(sum(slots), 0), coalesce(max(queue_wait_s), 0) FROM workers WHERE seen_at > now() - :alive_for
""")


def record_worker(session: Session, name: str, slots: int, queue_wait_s: float) -> None:
    """Put down that a worker has just consumed a message and run it."""
    session.execute(_RECORD, {"name": name, "slots": slots, "queue_wait_s": queue_wait_s})


def forget_worker(session: Session, name: str) -> None:
    """Strike a worker off the list."""
    session.execute(_FORGET, {"name": name})


def measure_capacity(session: Session, alive_for: timedelta) -> Capacity:
    """Add up the workers.

    Args:
        alive_for: How long a worker counts after it was last seen.
    """
    slots, queue_wait_s = session.execute(_MEASURE, {"alive_for": alive_for}).one()
    return Capacity(slots, timedelta(seconds=queue_wait_s))
