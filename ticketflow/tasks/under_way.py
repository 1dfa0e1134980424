"""The steps this process is at, and which of them hang."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from billiard import active_children
from celery.platforms import EX_FAILURE


@dataclass(frozen=True, slots=True)
class StepUnderWay:
    """A step that a thread of this process is at.

    Attributes:
        ends_at: Seconds on the monotonic clock; from then on its result is worth nothing.
    """

    ticket_id: UUID
    step: str
    thread_id: int
    ends_at: float


class StepsUnderWay:
    """The steps that this process has under way."""

    def __init__(self) -> None:
        """Begin with no step under way."""
        self._lock = threading.Lock()
        self._steps: set[StepUnderWay] = set()

    @contextmanager
    def keep(self, ticket_id: UUID, step: str, time_limit_s: float) -> Iterator[None]:
        """Know of a step for as long as the block takes."""
        this = StepUnderWay(ticket_id, step, threading.get_ident(), time.monotonic() + time_limit_s)
        with self._lock:
            self._steps.add(this)
        try:
            yield
        finally:
            with self._lock:
                self._steps.discard(this)

    def list_hung(self, now: float) -> list[StepUnderWay]:
        """List the steps that are past their time limit, the one that has been for longest on top."""
        with self._lock:
            return sorted((each for each in self._steps if each.ends_at <= now), key=lambda each: each.ends_at)

    def count_hopeless(self, now: float) -> int:
        """Count the steps not worth waiting for: those that hang, and other tries of the same tickets."""
        hung = {each.ticket_id for each in self.list_hung(now)}
        with self._lock:
            return sum(each.ticket_id in hung for each in self._steps)


under_way = StepsUnderWay()
leaving = threading.Event()
"""Set once this process has given up on itself: it takes nothing new, and nobody need wonder at that."""


def end_in_order(within_s: float) -> None:
    """End this process as SIGTERM does, or at once if that takes too long; whoever supervises it starts another."""
    end_after(within_s)
    os.kill(os.getpid(), signal.SIGTERM)


def end_after(seconds: float) -> None:
    """End this process and its children some time from now, if they have not ended by then."""

    def end_at_once() -> None:
        for child in active_children():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        os._exit(EX_FAILURE)

    last_resort = threading.Timer(seconds, end_at_once)
    last_resort.daemon = True
    last_resort.start()
