"""A worker shows that it consumes, and ends itself when it does not."""

import pytest
from celery import Celery

from tests.harness.wait import wait_until


def test_a_worker_is_known_while_it_consumes(fleet):
    worker = fleet.start("one", concurrency=3)
    wait_until(lambda: fleet.list_workers() == {"one": 3}, describe="the worker is known")

    worker.stop()

    assert worker.popen.returncode == 0
    assert fleet.query("SELECT name FROM workers") == []


def test_a_worker_needs_no_queue_that_the_loss_of_one_node_could_take_away(fleet, rabbitmq_server, broker_url):
    worker = fleet.start("one")
    wait_until(fleet.list_workers, describe="the worker is known")

    vhost = broker_url.rpartition("/")[2]
    rows = rabbitmq_server.ctl("list_queues", "-p", vhost, "name", "type", "durable").splitlines()[1:]
    kept = {name: kind for name, kind, durable in (row.split("\t") for row in rows) if durable == "true"}

    assert {"ticketflow.dead", "steps.classify"} < set(kept)
    assert len([name for name in kept if "one@" in name]) == 2, "its mailbox and its canaries'"
    assert set(kept.values()) == {"quorum"}
    assert worker.is_running()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_that_is_connected_but_consumes_nothing_ends_itself_and_the_next_one_works(fleet, pool):
    worker = fleet.start("one", pool=pool, TICKETFLOW_CANARY_TIMEOUT_S=2)
    wait_until(fleet.list_workers, describe="the worker is known")

    with Celery(broker=fleet.env["TICKETFLOW_BROKER_URL"]) as app:
        ((node, queues),) = app.control.inspect().active_queues().items()
        for queue in queues:
            app.control.cancel_consumer(queue["name"], destination=[node])
        fleet.submit(5)
        wait_until(lambda: not worker.is_running(), describe="the worker ends")
    fleet.start("one")

    assert "worker.not_consuming" in worker.read_log()
    assert worker.popen.returncode == 1
    fleet.wait_for_completed(5)
