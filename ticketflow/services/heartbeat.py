"""Claims and keeps the leases of long steps, from one thread per process that runs only while there are any."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Self
from uuid import UUID

from ticketflow.observability.logging import get_logger
from ticketflow.storage.leases import Lease, extend_leases
from ticketflow.storage.session import Sessions
from ticketflow.workflow.interruption import interruptible

log = get_logger(__name__)

# Two beats may fail before a lease runs out.
BEATS_PER_LEASE = 3
# A beat that takes longer than half of the time to the next has failed; shorter leases than a second are for tests.
SHORTEST_TIMEOUT_S = 0.2


# A first try that takes longer is claimed: a connection that is lost must not give it to somebody else.
CLAIM_AFTER_S = 1.0


@dataclass(slots=True)
class Kept:
    """A lease in use.

    Attributes:
        lease: As it stands now: a first try may have been claimed meanwhile.
        ends_at: From then on the step counts as hung and its lease is left to run out. Seconds on the monotonic clock,
            which no jump of the host's time moves.
        next_beat_at: When to tell the database of it.
    """

    lease: Lease
    ends_at: float
    next_beat_at: float = math.inf
    is_lost: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begin(cls, lease: Lease, time_limit_s: float) -> Self:
        """Begin to use a lease, at most for ``time_limit_s`` seconds."""
        return cls(lease, time.monotonic() + time_limit_s)


class Heartbeat:
    """Extends leases until their step's time limit, so that a hung step cannot hold its ticket."""

    def __init__(self, sessions: Sessions, lease_for: timedelta, holder: UUID | None = None) -> None:
        """Bind to a database.

        Args:
            lease_for: How long a lease lasts without a beat.
            holder: The process whose leases they are.
        """
        self._sessions = sessions
        self._lease_s = lease_for.total_seconds()
        self._holder = holder
        self._changed = threading.Condition()
        self._kept: dict[int, Kept] = {}
        self._beating: set[int] = set()
        self._thread: threading.Thread | None = None

    @property
    def beat_s(self) -> float:
        """Seconds between two beats; a step that is quicker never costs one."""
        return self._lease_s / BEATS_PER_LEASE

    @contextmanager
    def keep(self, kept: Kept) -> Iterator[None]:
        """Keep a lease alive while the block thinks."""
        first_s = self.beat_s if kept.lease.is_claimed else min(CLAIM_AFTER_S, self.beat_s)
        kept.next_beat_at = time.monotonic() + first_s
        with self._changed:
            self._kept[id(kept)] = kept
            self._start()
        try:
            with interruptible(kept.is_lost.is_set):
                yield
        finally:
            with self._changed:
                del self._kept[id(kept)]
                # Whether it is claimed has to be known to say what becomes of it.
                self._changed.wait_for(lambda: id(kept) not in self._beating)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat_until_idle, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat_until_idle(self) -> None:
        while True:
            time.sleep(min(CLAIM_AFTER_S, self.beat_s) / 2)
            now = time.monotonic()
            with self._changed:
                if not self._kept:
                    self._thread = None
                    return
                long = [kept for kept in self._kept.values() if kept.next_beat_at <= now < kept.ends_at]
                self._beating = {id(kept) for kept in long}
            if long:
                self._beat(long, now)
            with self._changed:
                self._beating.clear()
                self._changed.notify_all()

    def _beat(self, long: list[Kept], now: float) -> None:
        held = [(kept.lease, timedelta(seconds=min(self._lease_s, kept.ends_at - now))) for kept in long]
        try:
            with self._sessions.begin() as session:
                timeout = timedelta(seconds=max(self.beat_s / 2, SHORTEST_TIMEOUT_S))
                good = extend_leases(session, held, timeout, self._holder)
        except Exception as error:  # noqa: BLE001  # one beat may fail, the heart must not stop for it
            log.warning("heartbeat.failed", error=f"{type(error).__name__}: {error}")
            return
        for kept in long:
            kept.next_beat_at = now + self.beat_s
            if kept.lease.token not in good:
                kept.is_lost.set()
            elif good[kept.lease.token] and not kept.lease.is_claimed:
                kept.lease = replace(kept.lease, is_claimed=True)
