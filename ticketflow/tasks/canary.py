"""The canary: a message each worker sends itself, to prove that it consumes and that a slot of its pool works.

A worker may be connected, answer pings, and yet consume nothing (celery#9512). So every worker has
a queue of its own, which it consumes together with the step queues, and publishes to it over a
connection that has nothing to do with its consumer. The task it carries runs in the pool like any
step, and puts the worker down in the table the dispatchers learn their window from.
"""

import os
import threading
import time
from typing import Any

from celery import Task, shared_task
from celery.worker import state
from kombu import Exchange, Queue
from kombu.utils.uuid import uuid
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.logging import get_logger
from ticketflow.settings import load_settings
from ticketflow.storage.workers import delete_worker, record_worker
from ticketflow.tasks.broker import connected
from ticketflow.tasks.loop import Loop, LoopStep
from ticketflow.tasks.runtime import runtime
from ticketflow.tasks.under_way import end_in_order, leaving

log = get_logger(__name__)

TASK = "ticketflow.canary"
# A queue without a consumer goes by itself: that of a worker that is not coming back.
EXPIRES_MS = 600_000
# A thread or a process each: more is nobody's worker.
MAX_SLOTS = 10_000
# Steps under way may still end when a worker gives up on itself.
GRACE_S = 30.0


def build_fork_gate() -> threading.Lock:
    """Build a lock that no fork happens under: for a thread beside the one that forks.

    A forked pool child has only the thread that forked. What another thread held at that moment, such as
    the lock of a module it was importing, nobody in the child will ever release, and a child that wants it
    hangs with its task. Hold the gate for as long as something like that may be held, and never without a
    limit: the fork, and with it the worker, waits.
    """
    gate = threading.Lock()
    os.register_at_fork(before=gate.acquire, after_in_parent=gate.release, after_in_child=gate.release)
    return gate


_fork_gate = build_fork_gate()


def build_queue(worker_name: str) -> Queue:
    """Build a worker's own queue; of several messages that wait in it only the last is kept.

    It is of the step queues' type: a classic queue goes with its node, and its worker with the queue.
    """
    kind = load_settings().queue_type
    name = f"canary.{kind}.{worker_name}"  # a queue cannot change its type
    arguments = {"x-queue-type": kind, "x-expires": EXPIRES_MS, "x-max-length": 1}
    return Queue(name, routing_key=name, queue_arguments=arguments)


class Watch:
    """Tells from what it is shown whether messages still get from the broker into the pool.

    Any task that starts is a sign of life, a step as good as a canary. Silence counts from the
    first canary the broker has confirmed since the last sign, so however long the broker is away, it
    does not count. The database plays no part: a canary that cannot reach it has been consumed.

    A worker whose slots are all taken starts nothing until one is free, and that may take as long
    as a step may think; then only a longer silence means that its slots hang.
    """

    def __init__(self, timeout_s: float, full_timeout_s: float) -> None:
        """Begin with no silence.

        Args:
            timeout_s: Silence allowed to a worker with a free slot.
            full_timeout_s: Silence allowed to a worker without one: more than its longest step.
        """
        self._timeout_s = timeout_s
        self._full_timeout_s = full_timeout_s
        self._started = 0
        self._silent_since: float | None = None
        self._free_since: float | None = None

    def reset(self) -> None:
        """Begin anew: there was a sign of life, or the broker is away."""
        self._silent_since = self._free_since = None

    def is_silent_too_long(self, now: float, started: int, *, is_full: bool) -> bool:
        """Judge after a canary was sent.

        Args:
            now: Seconds on a clock that does not jump.
            started: Tasks the pool has ever started.
            is_full: Whether every slot is taken.
        """
        if started != self._started:
            self._started = started
            self.reset()
        self._silent_since = now if self._silent_since is None else self._silent_since
        self._free_since = None if is_full else now if self._free_since is None else self._free_since
        is_stuck = self._free_since is not None and now - self._free_since > self._timeout_s
        return is_stuck or now - self._silent_since > self._full_timeout_s


class Canary(Loop):
    """Sends canaries from the worker's main process, and ends the process if none comes back."""

    def __init__(self, worker: Any, watch: Watch) -> None:
        """Attach to a worker; ``start`` begins."""
        super().__init__("canary")
        self._app = worker.app
        self._name = worker.hostname
        self._slots = worker.pool.limit or worker.concurrency
        self._watch = watch
        self.has_given_up = False

    def make_pass(self) -> float | None:
        """Send a canary, unless the worker is no longer expected to consume."""
        if self.has_given_up or leaving.is_set():
            return None
        self._beat()
        return runtime().settings.canary_interval_s

    def _beat(self) -> None:
        try:
            with _fork_gate:
                self._send()
        except BrokerUnavailableError as error:
            log.debug("canary.broker_away", error=str(error))
            self._watch.reset()
            return
        except Exception:
            log.exception("canary.failed")
            self._watch.reset()
            return
        is_full = len(state.active_requests) >= self._slots
        if self._watch.is_silent_too_long(time.monotonic(), state.all_total_count[0], is_full=is_full):
            # In order if that is still possible; whoever supervises this process starts another.
            log.error("worker.not_consuming", worker=self._name)
            self.has_given_up = True
            end_in_order(GRACE_S)

    def _send(self) -> None:
        """Publish one canary and wait for the broker's word.

        On a new connection each time: in a prefork worker every new child shuts those its parent
        has open (kombu cleans up after a fork), so none is forked meanwhile. Without Celery's event,
        which would fill Flower's list of tasks with birds.

        Raises:
            BrokerUnavailableError: No confirm came in time.
        """
        timeout_s = runtime().settings.publish_timeout_s
        queue = build_queue(self._name)
        message = self._app.amqp.create_task_message(uuid(), TASK, [self._name, self._slots], {})
        with connected(self._app, timeout_s) as connection:
            self._app.amqp.Producer(connection).publish(
                message.body,
                headers=message.headers,
                exchange="",
                routing_key=queue.name,
                declare=[queue],
                delivery_mode="transient",
                serializer="json",
                retry=False,
                confirm_timeout=timeout_s,
                **message.properties,
            )


class CanaryStep(LoopStep):
    """Keeps a canary in a worker."""

    loop: Canary | None

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        """Have the worker consume its own queue, whichever others it was told to."""
        super().__init__(worker, **kwargs)
        queue = worker.app.amqp.queues.select_add(build_queue(worker.hostname))
        queue.exchange = Exchange("")  # Celery has put in the exchange of the steps

    def build(self, worker: Any) -> Canary:
        """Build its canary."""
        live = runtime()
        return Canary(worker, Watch(live.settings.canary_timeout_s, live.patience_s))

    def stop(self, worker: Any) -> None:
        """Stop sending, before the pool ends; say so to the dispatchers, and to the supervisor if it went wrong."""
        if self.loop is None:
            return
        self.loop.stop()
        if self.loop.has_given_up:
            worker.exitcode = 1
        try:
            with runtime().sessions.begin() as session:
                delete_worker(session, worker.hostname)
        except SQLAlchemyError as error:
            log.warning("worker.not_forgotten", error=type(error).__name__)


@shared_task(name=TASK, bind=True, acks_late=False, send_events=False)
def answer(task: Task, name: str | int, slots: str | int) -> None:
    """Put a worker down as alive; runs in its pool, and believes nobody else's canary."""
    if name != task.request.hostname or not (isinstance(slots, int) and 0 < slots <= MAX_SLOTS):
        log.warning("message.rejected", queue=task.request.delivery_info.get("routing_key"), reason="no canary of ours")
        return
    live = runtime()
    try:
        with live.sessions.begin() as session:
            record_worker(session, str(name), slots, live.queue_wait.value_s)
    except SQLAlchemyError as error:
        log.warning("canary.database_away", error=type(error).__name__)
