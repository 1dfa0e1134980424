"""What the consumer lets through to Celery, and what becomes of the rest."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu.message import Message

from tests.garbage import TICKET, good_body, good_headers
from ticketflow.tasks import app
from ticketflow.tasks.consumer import Consumer
from ticketflow.tasks.threads import TaskPool


class ConnectionLostError(Exception):
    """The broker is gone."""


class ChannelLostError(Exception):
    """The channel is gone."""


class Guard(Consumer):
    """A consumer of which only the guard before the tasks is there."""

    connection_errors = (ConnectionLostError,)
    channel_errors = (ChannelLostError,)

    def __init__(self, fault: Exception | None = None) -> None:
        self.app = app
        self.handed: list[Any] = []
        self.fault = fault
        self.pool = SimpleNamespace()

    def receive(self, message: Message) -> Message:
        self.create_task_handler()(message)
        return message


@pytest.fixture(autouse=True)
def _celery(monkeypatch) -> None:
    """Know our tasks, and stand in for Celery's own handler."""
    app.loader.import_default_modules()

    def create(guard: Guard, *_: Any) -> Any:
        def handle(message: Message) -> None:
            guard.handed.append(message.headers["id"])
            if guard.fault:
                raise guard.fault

        return handle

    monkeypatch.setattr(CeleryConsumer, "create_task_handler", create)
    monkeypatch.setattr(CeleryConsumer, "cancel_active_requests", lambda guard: guard.handed.append("cancel"))


class Channel:
    """A channel that knows what became of its messages."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.no_ack_consumers: set[str] | None = {"remote control"}

    def basic_ack(self, *_: Any, **__: Any) -> None:
        self.answers.append("ack")

    def basic_reject(self, _: Any, requeue: Any) -> None:
        self.answers.append("requeue" if requeue else "reject")


def build(body: Any = None, tag: str = "tasks", **headers: Any) -> Message:
    return Message(
        body=json.dumps(good_body() if body is None else body).encode(),
        headers=good_headers(**headers),
        content_type="application/json",
        content_encoding="utf-8",
        channel=Channel(),
        delivery_tag=1,
        delivery_info={"consumer_tag": tag, "routing_key": "steps.draft"},
    )


def test_a_message_of_ours_is_handed_to_celery_as_it_was_understood():
    guard = Guard()

    message = guard.receive(build(chain="x"))

    assert guard.handed == [good_headers()["id"]]
    assert message.channel.answers == []
    assert "chain" not in message.headers


@pytest.mark.parametrize(
    "message",
    [
        build(task="celery.starmap"),
        build(task="ticketflow.steps.nothing"),
        build([[TICKET], {}, {}]),
        build([[TICKET, 1, 2], {}, {}]),
        build([[TICKET, 1], {"generation": 1}, {}]),
        build([[TICKET, 1], {"other": 1}, {}]),
        build([[TICKET, 1], {}, {"chain": [good_body()[2]["chain"][0] | {"task": "ticketflow.steps.nothing"}]}]),
    ],
    ids=["not ours", "not here", "too few", "too many", "twice", "another", "not here in the chain"],
)
def test_what_no_task_of_ours_can_be_made_of_goes_to_the_dead_letters(message):
    guard = Guard()

    guard.receive(message)

    assert (guard.handed, message.channel.answers) == ([], ["reject"])


def test_what_celery_can_make_no_request_of_goes_to_the_dead_letters():
    message = Guard(ValueError("odd")).receive(build())

    assert message.channel.answers == ["reject"]


@pytest.mark.parametrize("fault", [ConnectionLostError(), ChannelLostError()])
def test_a_broker_that_is_gone_is_no_fault_of_a_message(fault):
    message = build()

    with pytest.raises(type(fault)):
        Guard(fault).receive(message)

    assert message.channel.answers == []


def test_a_pool_that_fails_is_no_fault_of_a_message(monkeypatch):
    message = build()
    monkeypatch.setitem(state.requests, message.headers["id"], object())

    with pytest.raises(ValueError, match="full"):
        Guard(ValueError("full")).receive(message)

    assert message.channel.answers == []


def test_what_cannot_be_unpacked_goes_to_the_dead_letters():
    message = build()

    Guard().on_decode_error(message, ValueError("packed"))

    assert message.channel.answers == ["reject"]


def test_deaths_that_somebody_made_up_are_not_given_back_to_the_broker():
    message = Guard().receive(build(**{"x-death": "x"}))

    assert message.channel.answers == ["ack"]


def test_what_is_acknowledged_as_it_comes_is_answered_no_more():
    message = Guard().receive(build(task="x", tag="remote control"))

    assert message.channel.answers == []


def test_where_nothing_says_how_a_message_came_it_is_refused_all_the_same():
    message = build(task="x")
    message.channel.no_ack_consumers = message.delivery_info = None

    Guard().receive(message)

    assert message.channel.answers == ["reject"]


@pytest.mark.parametrize(("pool", "cancels"), [(TaskPool.__new__(TaskPool), []), (SimpleNamespace(), ["cancel"])])
def test_at_a_cold_shutdown_threads_end_with_their_process(pool, cancels):
    guard = Guard()
    guard.pool = pool

    guard.cancel_active_requests()

    assert guard.handed == cancels


def test_no_queues_are_declared_for_messages_that_are_put_off():
    steps = [str(step) for step in Consumer.Blueprint.default_steps]

    assert len(steps) == len(CeleryConsumer.Blueprint.default_steps) - 1
    assert not any("Delayed" in step for step in steps)


def test_one_of_our_queues_is_consumed_when_remote_control_says_so():
    guard = Guard()
    consumed: list[str] = []
    guard.task_consumer = SimpleNamespace(
        consuming_from=lambda _: False, add_queue=lambda queue: consumed.append(queue.name), consume=lambda: None
    )

    guard.add_task_queue("steps.draft", exchange="elsewhere")

    assert consumed == ["steps.draft"]
