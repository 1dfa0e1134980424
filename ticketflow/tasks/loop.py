"""What a process does beside its work, over and over: in a thread, which a worker starts and stops."""

import threading
import time
from abc import ABC, abstractmethod
from typing import Any

from celery import bootsteps

# With broker or database away there is nothing to gain from asking more often.
AWAY_PAUSE_S = 1.0


class Loop(ABC):
    """Makes pass after pass in a thread of its own, which ends with the process at the latest."""

    def __init__(self, name: str) -> None:
        """Name the thread; ``start`` begins."""
        self._bell = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def make_pass(self) -> float | None:
        """Make one pass; return how many seconds to pause unless somebody rings, or ``None`` to end."""

    def start(self) -> None:
        """Start the loop's thread."""
        self._thread.start()

    def wake(self) -> None:
        """Make the next pass now; returns at once."""
        self._bell.set()

    def stop(self) -> None:
        """End after the pass under way."""
        self._is_stopping = True
        self._bell.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_stopping:
            pause_s = self.make_pass()
            if pause_s is None:
                return
            self._bell.wait(pause_s)
            self._bell.clear()


class Interval:
    """Says at most every few seconds that it is time for something that is not done in each pass."""

    def __init__(self, seconds: float) -> None:
        """Begin: the first time is now."""
        self._seconds = seconds
        self._last = -seconds

    def is_over(self) -> bool:
        """Tell whether it is time, and begin anew if so."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class LoopStep(bootsteps.StartStopStep):
    """Runs a loop inside a worker; it ends before the pool does."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        """Attach to a worker."""
        super().__init__(worker, **kwargs)
        self.loop: Loop | None = None

    def build(self, worker: Any) -> Loop:
        """Build the loop of a worker whose pool is there."""
        raise NotImplementedError

    def start(self, worker: Any) -> None:
        """Start the loop."""
        self.loop = self.build(worker)
        self.loop.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002  # Celery's signature
        """Stop the loop."""
        if self.loop is not None:
            self.loop.stop()
