"""Which processes are alive: their hearts beat in the database, and on their own machine the system knows them."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from ticketflow.observability.logging import get_logger
from ticketflow.storage.holders import LostHolder, Process, beat, convict, drop_question, list_lost_holders
from ticketflow.storage.session import Sessions

log = get_logger(__name__)

BEATS_PER_LEASE = 3
# Silence that proves an end, at least: a busy machine keeps a heart waiting for seconds.
LEAST_SILENCE_S = 5.0
# Questions are looked at this often.
LOOK_EVERY_S = 1.0
# Of a lease: how long whoever was cut off from the database has to be heard again, by a beat or a commit.
GRACE = 2 / BEATS_PER_LEASE
# Whoever has thought asks every two seconds whether it may commit, however short leases are.
LEAST_GRACE_S = 3.0
_PROC = Path("/proc")
# proc(5): the 22nd field, counted from behind the name, which may hold blanks; the state comes first.
_STARTED = 19
_DEAD = frozenset("ZX")


def describe_process() -> Process:
    """Describe this process, under an id of its own each time; where the system tells nothing, nobody recognises it."""
    pid = os.getpid()
    return Process(uuid4(), _host(), pid, read_birth(pid) or 0)


def is_alive(process: Process | None) -> bool | None:
    """Ask the system whether a process runs; ``None`` where it cannot be known from here."""
    host = _host()
    if process is None or not host or process.host != host or not process.born:
        return None
    return read_birth(process.pid) == process.born


class Pulse:
    """Puts a process down as alive, from a thread that ends with it."""

    def __init__(self, sessions: Sessions, process: Process, lease_s: float) -> None:
        """Bind to a database; ``start`` begins."""
        self._sessions = sessions
        self._process = process
        self._beat_s = lease_s / BEATS_PER_LEASE

    def start(self) -> None:
        """Start the thread of the heartbeat."""

        def beat_for_ever() -> None:
            pause = threading.Event()
            while True:
                try:
                    self.beat()
                except SQLAlchemyError as error:
                    log.debug("pulse.failed", error=type(error).__name__)
                pause.wait(self._beat_s)

        threading.Thread(target=beat_for_ever, name="pulse", daemon=True).start()

    def beat(self) -> None:
        """Record one heartbeat of the process."""
        with self._sessions.begin() as session:
            beat(session, self._process)


class Inquest:
    """Finds out which holders that let a lease go without a word are dead."""

    def __init__(self, sessions: Sessions, lease_s: float) -> None:
        """Begin without having reached the database.

        Args:
            lease_s: A heart beats three times in it; one that is silent for longer, while others could be heard, has
                stopped.
        """
        self._sessions = sessions
        self._silence_s = max(lease_s, LEAST_SILENCE_S)
        self._grace_s = max(lease_s * GRACE, LEAST_GRACE_S)
        self._reached_since: float | None = None
        self._looked_at: float | None = None

    def look(self) -> None:
        """Settle what can be settled, if the last look is long enough ago.

        Raises:
            SQLAlchemyError: The database is away; silence counts from when it is back.
        """
        now = time.monotonic()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S:
            return
        if self._looked_at is None or now - self._looked_at > self._silence_s:
            self._reached_since = None  # whoever did not look for so long knows nothing of the time between
        try:
            with self._sessions.begin() as session:
                lost = list_lost_holders(session)
            for each in lost:
                self._settle(each, now)
        except SQLAlchemyError:
            self._reached_since = None
            raise
        self._looked_at = now
        if self._reached_since is None:
            self._reached_since = now

    @property
    def has_listened(self) -> bool:
        """Whether the database has been within reach for so long that a lease that ran out was really given up."""
        return self._reached_since is not None and time.monotonic() - self._reached_since >= self._grace_s

    def _settle(self, lost: LostHolder, now: float) -> None:
        verdict = self._judge(lost, now)
        if verdict is None:
            return
        with self._sessions.begin() as session:
            if verdict:
                drop_question(session, lost.id)
                return
            steps = convict(session, lost.id)
        if steps:
            log.warning("worker.died", holder=str(lost.id), pid=lost.process and lost.process.pid, steps=steps)

    def _judge(self, lost: LostHolder, now: float) -> bool | None:
        """Tell whether a lost holder is alive; ``None`` while nobody can know."""
        if lost.is_back:
            return True
        known = is_alive(lost.process)
        if known is not None:
            return known
        heard_s = 0.0 if self._reached_since is None else now - self._reached_since
        return False if min(lost.silent_s, heard_s) > self._silence_s else None


def _host() -> str:
    """Name the machine, its boot and the namespace of process numbers; empty where there are no such names."""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    return ""


def read_birth(pid: int) -> int | None:
    """Read when a process was started, in ticks since the boot; ``None`` for one that is gone."""
    with suppress(OSError):
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if state in _DEAD else int(fields[_STARTED - 1])
    return None
