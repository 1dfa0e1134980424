"""The edge between Celery and a step: every outcome becomes the right word to the broker."""

from datetime import timedelta

import pytest
from celery.exceptions import Reject, Retry

from ticketflow.tasks import app
from ticketflow.tasks.envelope import read_envelope
from ticketflow.workflow.outcomes import AlreadyDone, Busy, Committed, Failed, LostLease, Retrying, Superseded
from ticketflow.workflow.plan import ticket_plan

LINKS = ["the rest of the chain"]


@pytest.fixture
def task():
    """Return a step's task in the middle of a delivery."""
    app.loader.import_default_modules()
    task = app.tasks["ticketflow.steps.classify"]
    task.push_request(chain=list(LINKS), delivery_info={"redelivered": True})
    yield task
    task.pop_request()


def test_every_step_has_a_task_a_queue_and_a_route():
    app.loader.import_default_modules()
    names = [f"ticketflow.steps.{step}" for step in ticket_plan().order]

    assert [name for name in app.tasks if name.startswith("ticketflow.steps.")] == names
    assert [app.amqp.router.route({}, name)["queue"].name for name in names] == [
        f"steps.{step}" for step in ticket_plan().order
    ]


def test_a_message_carries_no_time_limit(task):
    with app.connection_for_write("memory://") as connection, connection.channel() as channel:
        queue = app.amqp.router.route({}, task.name)["queue"](channel)
        queue.declare()
        task.apply_async(("018f6f2e-0000-7000-8000-00000000000b", 1), connection=connection)
        message = queue.get(no_ack=True)

    assert read_envelope(message).headers.timelimit == [None, None]


@pytest.mark.parametrize("outcome", [Committed("extract", is_chain_valid=True), AlreadyDone()])
def test_the_chain_goes_on_after(task, outcome):
    assert task.answer(outcome) == type(outcome).__name__
    assert task.request.chain == LINKS


@pytest.mark.parametrize("outcome", [Committed("draft", is_chain_valid=False), Superseded(), Busy(), LostLease()])
def test_the_chain_ends_after(task, outcome):
    assert task.answer(outcome) == type(outcome).__name__
    assert task.request.chain is None


def test_a_retry_is_shown_but_no_message_is_sent(task):
    with pytest.raises(Retry) as shown:
        task.answer(Retrying(timedelta(seconds=4), "slow down"))

    assert shown.value.when == 4


def test_a_failed_ticket_sends_its_message_to_the_dead_letters(task):
    with pytest.raises(Reject) as rejected:
        task.answer(Failed("no such model"))

    assert (rejected.value.reason, rejected.value.requeue) == ("no such model", False)
