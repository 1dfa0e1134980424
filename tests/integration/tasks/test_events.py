"""Celery's events of tasks are sent while somebody listens, whoever that is; a worker finds that out by itself."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from celery import Celery

from tests.harness.processes import start_module
from tests.harness.wait import wait_until
from ticketflow.tasks.consumer import ListeningHeart

SWITCHED = "events.switched"


def listen(fleet):
    """Listen as Flower and celery-exporter do."""
    return start_module("celery", ["-A", "ticketflow.tasks", "events", "--dump"], fleet.env, fleet.directory / "events")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_tells_of_tasks_while_somebody_listens_and_only_then(fleet, pool):
    worker = fleet.start("one", pool=pool)
    if pool == "prefork":
        fleet.start_dispatcher()
    fleet.submit(1)
    fleet.wait_for_completed(1)
    assert SWITCHED not in worker.read_log()

    with listen(fleet) as listener:
        worker.wait_for_log("is_heard=True")
        fleet.submit(1)
        listener.wait_for_log("task succeeded: ticketflow.steps.finalize")
    worker.wait_for_log("is_heard=False")

    fleet.wait_for_completed(2)
    assert worker.read_log().count(SWITCHED) == 2


def test_what_was_switched_on_over_a_lost_connection_is_switched_off_over_the_next(broker_url):
    groups = {"worker", "task"}  # as Celery hands them on
    with Celery(broker=broker_url, set_as_current=False) as app, app.connection_for_write() as connection:
        consumer = SimpleNamespace(
            app=app, connection=connection, hostname="one", timer=None, event_dispatcher=SimpleNamespace(groups=groups)
        )
        heart = ListeningHeart(consumer, None)

        def beat():
            heart._send("worker-heartbeat")  # noqa: SLF001  # what its timer does
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.2)
            return groups == {"worker"}

        assert not beat()
        wait_until(beat, describe="nobody hears it")


def test_events_may_be_wanted_whoever_listens(fleet):
    wanted = ["-A", "tests.chaos.app", "worker", "-c", "2", "-n", "one@%h", "-l", "INFO", "-E"]
    worker = fleet.stack.enter_context(start_module("celery", wanted, fleet.env, fleet.directory / "one.log"))
    worker.wait_for_log("ready.")

    with listen(fleet) as listener:
        listener.wait_for_log("heartbeat")
        fleet.submit(1)
        listener.wait_for_log("task succeeded: ticketflow.steps.finalize")

    assert SWITCHED not in worker.read_log()
