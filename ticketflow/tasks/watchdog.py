"""The watchdog of a worker's threads: a step that does not come back is named, and may cost the worker its life.

Nobody can stop a thread from outside. A step that computes for ever loses its ticket when its time limit has passed,
and keeps its thread; a worker that put up with it would run out of threads without a word. So a worker whose thread is
not back some time later leaves: it takes nothing new, gives back what it has fetched, lets the other steps end, and
ends itself to be started again. An interpreter that nobody gets hold of any more, because a step in C keeps its lock,
is ended by a timer that needs no interpreter.
"""

import faulthandler
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any

from celery import bootsteps
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.observability.logging import get_logger
from ticketflow.storage.workers import HungStep, record_hung
from ticketflow.tasks.runtime import runtime
from ticketflow.tasks.threads import TaskPool
from ticketflow.tasks.under_way import StepUnderWay, end_in_order, leaving, under_way

log = get_logger(__name__)

LOOK_S = 1.0
# Readers take what was said within a minute for true.
RECORD_EVERY_S = 5.0
# Frames of a hung thread's stack that are logged, the innermost ones.
STACK_FRAMES = 12
# To take leave of the servers, once nothing is left that is worth waiting for.
GOODBYE_S = 30.0
_STDERR = 2


class Watchdog:
    """Looks after the threads of a worker, from two of its own."""

    def __init__(self, worker: Any, grace_s: float) -> None:
        """Attach to a worker; ``start`` begins.

        Args:
            grace_s: How long a thread may be late before the worker leaves; as long may nobody get to run Python.
        """
        self._worker = worker
        self._grace_s = grace_s
        self._look_s = min(LOOK_S, grace_s / 4)
        self._known: set[StepUnderWay] = set()
        self._recorded_at = 0.0

    def start(self) -> None:
        """Begin; both threads go on until the process ends, for it may hang in that as well."""
        threading.Thread(target=self._put_off_the_end, name="dead-man-switch", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _put_off_the_end(self) -> None:
        """Set the timer anew for as long as anybody gets to run Python.

        Nothing else is done in this thread: waiting for a server must not look like a hung interpreter.
        """
        while True:
            faulthandler.dump_traceback_later(self._grace_s, exit=True, file=_STDERR)
            time.sleep(self._look_s)

    def _watch(self) -> None:
        while not (leaving.is_set() and self._worker.pool.is_hopeless()):
            self._look(time.monotonic())
            time.sleep(self._look_s)
        end_in_order(GOODBYE_S)

    def _look(self, now: float) -> None:
        hung = under_way.list_hung(now)
        for each in hung:
            if each not in self._known:
                tell(each, now)
        is_news = set(hung) != self._known
        self._known = set(hung)
        if hung and now - hung[0].ends_at > self._grace_s and not leaving.is_set():
            log.error("worker.hung", worker=self._worker.hostname, threads=len(hung))
            leaving.set()
        if leaving.is_set():
            # Again and again: a consumer that reconnects begins anew.
            self._worker.consumer.call_soon(self._take_nothing_new)
        if is_news or (hung and now - self._recorded_at > RECORD_EVERY_S):
            self._recorded_at = now
            self._record(hung, now)

    def _record(self, hung: Sequence[StepUnderWay], now: float) -> None:
        name = self._worker.hostname
        steps = [HungStep(name, each.ticket_id, each.step, round(now - each.ends_at, 3)) for each in hung]
        try:
            with runtime().sessions.begin() as session:
                record_hung(session, name, steps)
        except SQLAlchemyError as error:
            log.warning("watchdog.database_away", error=type(error).__name__)

    def _take_nothing_new(self) -> None:
        if self._worker.consumer.task_consumer:
            self._worker.consumer.task_consumer.cancel()
        self._worker.pool.give_back()


def tell(hung: StepUnderWay, now: float) -> None:
    """Log which step hangs, and where."""
    frame = sys._current_frames().get(hung.thread_id)  # noqa: SLF001  # public, for all its name
    stack = traceback.extract_stack(frame)[-STACK_FRAMES:] if frame else []
    log.error(
        "step.hung",
        ticket_id=str(hung.ticket_id),
        step=hung.step,
        over_s=round(now - hung.ends_at, 1),
        frames=[f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in stack],
    )


class WatchdogStep(bootsteps.StartStopStep):
    """Keeps a watchdog in a worker whose steps run in threads; a child process that hangs is killed by its parent."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        """Start the watchdog of a worker."""
        if isinstance(worker.pool, TaskPool):
            Watchdog(worker, runtime().settings.hung_grace_s).start()

    def stop(self, worker: Any) -> None:
        """Say to the supervisor that something went wrong, if it did."""
        if leaving.is_set():
            worker.exitcode = 1
