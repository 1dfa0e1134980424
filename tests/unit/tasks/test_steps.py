"""The edge between Celery and a step: every outcome becomes the right word to the broker."""

import json
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import Reject, Retry

from tests.harness.processes import find_free_port
from ticketflow.tasks import app
from ticketflow.tasks.chain_message import build_links
from ticketflow.tasks.envelope import read_envelope
from ticketflow.tasks.steps import StepTask
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, Unchanged
from ticketflow.workflow.plan import ticket_plan

TICKET_ID = "018f6f2e-0000-7000-8000-00000000000b"
LINKS = build_links(["extract", "research", "draft"], TICKET_ID, 4)


class RecordingTask(StepTask):
    """Keeps the chain it passes on."""

    name = "tests.recording"
    step = "classify"
    passed: Any = None

    def pass_on(self, producer: Any = None) -> None:
        self.passed = self.request.chain


@pytest.fixture
def task():
    """Return a step's task in the middle of a delivery."""
    task = RecordingTask()
    task.bind(app)
    task.push_request(
        id="one", root_id="first", request_id="r-1", chain=list(LINKS), delivery_info={"redelivered": True}
    )
    yield task
    task.pop_request()


def test_every_step_has_a_task_a_queue_and_a_route():
    app.loader.import_default_modules()
    names = [f"ticketflow.steps.{step}" for step in ticket_plan().order]

    assert [name for name in app.tasks if name.startswith("ticketflow.steps.")] == names
    assert [app.amqp.router.route({}, name)["queue"].name for name in names] == [
        f"steps.{step}" for step in ticket_plan().order
    ]


def test_the_next_link_says_what_the_guard_reads_of_a_chain_and_nothing_else(task):
    with app.connection_for_write("memory://") as connection, connection.channel() as channel:
        queue = app.amqp.router.route({}, "ticketflow.steps.extract")["queue"](channel)
        queue.declare()
        StepTask.pass_on(task, connection.Producer(channel))
        message = queue.get(no_ack=True)

    said = read_envelope(message)
    sent = json.loads(message.body)
    assert sent == [[TICKET_ID, 4], {}, {"callbacks": None, "errbacks": None, "chain": LINKS[:-1], "chord": None}]
    assert said.tasks == {f"ticketflow.steps.{step}" for step in ("extract", "research", "draft")}
    assert (said.headers.root_id, said.headers.parent_id, said.headers.request_id) == ("first", "one", "r-1")
    before = dict(message.headers)
    said.refill(message)
    assert (message.headers, json.loads(message.body)) == (before, sent)


def test_the_last_link_has_nothing_to_pass_on(task):
    task.request.chain = None

    StepTask.pass_on(task)


def test_a_link_that_cannot_be_sent_is_left_to_the_clock(task):
    with app.connection_for_write(f"amqp://127.0.0.1:{find_free_port()}//", connect_timeout=1) as connection:
        StepTask.pass_on(task, connection.Producer())


def test_a_message_carries_no_time_limit():
    app.loader.import_default_modules()
    task = app.tasks["ticketflow.steps.classify"]
    with app.connection_for_write("memory://") as connection, connection.channel() as channel:
        queue = app.amqp.router.route({}, task.name)["queue"](channel)
        queue.declare()
        task.apply_async((TICKET_ID, 1), connection=connection)
        message = queue.get(no_ack=True)

    assert read_envelope(message).headers.timelimit == [None, None]


@pytest.mark.parametrize(
    ("outcome", "name"),
    [(Committed("extract", is_chain_valid=True), "Committed"), (Unchanged.ALREADY_DONE, "AlreadyDone")],
)
def test_the_chain_goes_on_after(task, outcome, name):
    assert task.answer(outcome) == name
    assert task.passed == LINKS
    assert task.request.chain is None, "Celery would publish it once more"


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Committed("draft", is_chain_valid=False), "Committed"),
        (Unchanged.SUPERSEDED, "Superseded"),
        (Unchanged.BUSY, "Busy"),
        (Unchanged.LOST, "LostLease"),
    ],
)
def test_the_chain_ends_after(task, outcome, name):
    assert task.answer(outcome) == name
    assert (task.passed, task.request.chain) == (None, None)


def test_a_retry_is_shown_but_no_message_is_sent(task):
    with pytest.raises(Retry) as shown:
        task.answer(Retrying(timedelta(seconds=4), "slow down"))

    assert shown.value.when == 4


def test_a_failed_ticket_sends_its_message_to_the_dead_letters(task):
    with pytest.raises(Reject) as rejected:
        task.answer(Failed("no such model"))

    assert (rejected.value.reason, rejected.value.requeue) == ("no such model", False)
