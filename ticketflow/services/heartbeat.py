"""Keeps the leases of long steps alive, from one thread per process that runs only while there are any."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from ticketflow.observability.logging import get_logger
from ticketflow.storage.leases import Lease, extend_leases
from ticketflow.storage.session import Sessions
from ticketflow.workflow.interruption import interruptible

log = get_logger(__name__)

# Two beats may fail before a lease runs out.
BEATS_PER_LEASE = 3
# A beat that takes longer than half of the time to the next has failed; shorter leases than a second are for tests.
SHORTEST_TIMEOUT_S = 0.2


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease in use.

    Attributes:
        started_at: Seconds on the monotonic clock, which no jump of the host's time moves.
        ends_at: From then on the step counts as hung and its lease is left to run out.
    """

    lease: Lease
    started_at: float
    ends_at: float
    is_lost: threading.Event = field(default_factory=threading.Event)


class Heartbeat:
    """Extends leases until their step's time limit, so that a hung step cannot hold its ticket."""

    def __init__(self, sessions: Sessions, lease_for: timedelta) -> None:
        """Bind to a database.

        Args:
            lease_for: How long a lease lasts without a beat.
        """
        self._sessions = sessions
        self._lease_s = lease_for.total_seconds()
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}
        self._thread: threading.Thread | None = None

    @property
    def beat_s(self) -> float:
        """Seconds between two beats; a step that is quicker never costs one."""
        return self._lease_s / BEATS_PER_LEASE

    @contextmanager
    def keep(self, lease: Lease, time_limit_s: float) -> Iterator[None]:
        """Keep a lease alive while the block thinks, at most for ``time_limit_s`` seconds."""
        now = time.monotonic()
        held = _Held(lease, now, now + time_limit_s)
        with self._lock:
            self._held[id(held)] = held
            self._start()
        try:
            with interruptible(held.is_lost.is_set):
                yield
        finally:
            with self._lock:
                del self._held[id(held)]

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat_until_idle, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat_until_idle(self) -> None:
        while True:
            time.sleep(self.beat_s)
            now = time.monotonic()
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
                long = [held for held in self._held.values() if held.started_at + self.beat_s <= now < held.ends_at]
            if long:
                self._beat(long, now)

    def _beat(self, long: list[_Held], now: float) -> None:
        leases = [
            (held.lease.claim.ticket_id, held.lease.token, timedelta(seconds=min(self._lease_s, held.ends_at - now)))
            for held in long
        ]
        try:
            with self._sessions.begin() as session:
                good = extend_leases(session, leases, timedelta(seconds=max(self.beat_s / 2, SHORTEST_TIMEOUT_S)))
        except Exception as error:  # noqa: BLE001  # one beat may fail, the heart must not stop for it
            log.warning("heartbeat.failed", error=f"{type(error).__name__}: {error}")
            return
        for held in long:
            if held.lease.token not in good:
                held.is_lost.set()
