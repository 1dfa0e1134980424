"""What an attack must leave alone: ordinary tickets complete afterwards as quickly as they did before it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.chaos.feeder import Feeder
from tests.chaos.figures import publish
from tests.chaos.run import IS_FULL
from tests.chaos.site import Site
from tests.harness.wait import wait_until

TICKETS = 100 if IS_FULL else 40
WARM_UP = TICKETS // 5
TIMEOUT_S = 180.0
CRAWL = 5.0  # a busy machine is not that much slower from one minute to the next: something is stuck
COUNT_COMPLETED = "SELECT count(*) FROM tickets WHERE id = ANY(%s::uuid[]) AND status = 'completed'"


@contextmanager
def unharmed(name: str, site: Site) -> Iterator[None]:
    """Complete ordinary tickets, let the block attack, and complete as many again; report both speeds.

    Args:
        name: What the attack is called among the figures that ``CHAOS_REPORT`` names.

    Raises:
        AssertionError: An ordinary ticket did not complete, or they crawl.
    """
    complete_ordinary(site, "warm-up", WARM_UP)
    before = complete_ordinary(site, "before")
    yield
    after = complete_ordinary(site, "after")
    speeds = {"ordinary_per_s_before": round(before, 2), "ordinary_per_s_after": round(after, 2)}
    publish({"run": name, "ordinary": TICKETS, **speeds, "speed_ratio": round(after / before, 2)})
    assert after * CRAWL > before, f"ordinary tickets crawl: {speeds}"


def complete_ordinary(site: Site, name: str, count: int = TICKETS) -> float:
    """Send tickets through the API of a running site and wait until all are completed; return tickets a second.

    Args:
        name: Makes their idempotency keys: each portion of a site needs another.
    """
    feeder = Feeder(f"http://127.0.0.1:{site.port}", site.key, site.history, keys=f"ordinary-{name}")
    began_at = time.monotonic()
    feeder.start()
    try:
        feeder.release(count)
        with psycopg.connect(site.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            wait_until(
                lambda: _count_completed(connection, feeder) == count,
                TIMEOUT_S,
                lambda: f"{len(feeder.accepted)} of {count} are accepted, {_count_completed(connection, feeder)} done",
            )
    finally:
        feeder.stop()
    return count / (time.monotonic() - began_at)


def _count_completed(connection: psycopg.Connection, feeder: Feeder) -> int:
    row = connection.execute(COUNT_COMPLETED, (feeder.accepted.copy(),)).fetchone()
    return int(row[0]) if row else 0
