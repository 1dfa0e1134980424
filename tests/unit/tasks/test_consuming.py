"""What the consumer does beside Celery's: at a reconnect, and when remote control changes limits."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Queue

from ticketflow.tasks import app
from ticketflow.tasks.consumer import Consumer, PatientConsumer


class Channel:
    """Notes who is consumed, and whether the answer is waited for."""

    def __init__(self) -> None:
        self.consumed: list[tuple[str, bool]] = []

    def basic_consume(self, *, queue: str, nowait: bool, **_: Any) -> None:
        self.consumed.append((queue, nowait))

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def test_a_worker_waits_for_no_queue_when_it_begins_to_consume():
    channel = Channel()
    queues = [Queue(name, no_declare=True)(channel) for name in ("steps.draft", "canary.quorum.w@h")]
    consumer = PatientConsumer(channel, queues, auto_declare=False)

    consumer.consume()

    assert channel.consumed == [("steps.draft", True), ("canary.quorum.w@h", True)]
    assert app.amqp.Consumer is PatientConsumer


class Limited(Consumer):
    """A consumer of which only the rate limits are there."""

    def __init__(self, tasks: list[Any]) -> None:
        self.app = SimpleNamespace(tasks={task.name: task for task in tasks}, amqp=app.amqp)
        self.task_buckets = defaultdict(lambda: None)
        self.moved: list[Any] = []
        self._limit_order = 0
        self.timer = SimpleNamespace(call_after=lambda *_, **__: None)
        self.reset_rate_limits()

    def _limit_move_to_pool(self, request: Any) -> None:
        self.moved.append(request)


def test_tickets_that_a_rate_limit_held_back_go_on_when_it_is_lifted():
    task = SimpleNamespace(name="ticketflow.steps.draft", rate_limit="1/h")
    consumer = Limited([task])
    requests = [SimpleNamespace(task=task) for _ in range(3)]
    for request in requests:
        consumer._limit_task(request, consumer.task_buckets[task.name], 1)  # noqa: SLF001  # as a strategy does
    assert consumer.moved == requests[:1]

    task.rate_limit = "2/h"
    consumer.reset_rate_limits()
    assert consumer.moved == requests[:2]
    task.rate_limit = None
    consumer.reset_rate_limits()

    assert consumer.moved == requests


def test_remote_control_adds_no_queue_of_strangers():
    with pytest.raises(ValueError, match="no queue elsewhere"):
        Limited([]).add_task_queue("elsewhere", exchange="x", exchange_type="bogus")
