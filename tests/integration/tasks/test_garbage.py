"""Whatever lies in a queue and is no message of ours goes to the dead letters, and the worker lives."""

import json

import pytest
from celery import Celery

from tests.garbage import Message, build_garbage, good_body, good_headers
from tests.harness.wait import wait_until
from ticketflow.tasks.publisher import declare_queues
from ticketflow.workflow.plan import ticket_plan


@pytest.fixture
def channel(broker_url):
    """Give a channel of a stranger, on a broker that has our queues."""
    app = Celery("strangers", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=broker_url, broker_transport_options={})
    with app.connection_for_write(connect_timeout=60) as connection:
        declare_queues(connection, app)
        yield connection.default_channel


def count_waiting(channel) -> dict[str, int]:
    """Count what lies in the queues, but for the dead letters that are never collected by now."""
    names = [*(f"steps.{step}" for step in ticket_plan().order), "ticketflow.dead"]
    return {name: channel.queue_declare(name, passive=True).message_count for name in names}


def send_everywhere(channel, worker_name: str) -> None:
    """Put garbage into every queue that anybody of ours reads."""
    queues = [f"steps.{step}" for step in ticket_plan().order]
    for number, message in enumerate(build_garbage()):
        message.publish(channel, "", queues[number % len(queues)])
    elsewhere = [
        ("", f"canary.quorum.{worker_name}"),
        ("ticketflow.dead", "x"),
        ("celery.pidbox", ""),
        ("celeryev", "x.y"),
    ]
    for number, message in enumerate(build_garbage(seed=14, bent=50)):
        message.publish(channel, *elsewhere[number % len(elsewhere)])
    message.publish(channel, "ticketflow", "\udcff")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_survives_what_strangers_send(fleet, channel, pool):
    worker = fleet.start("sturdy", pool=pool, TICKETFLOW_CANARY_INTERVAL_S=5)
    if pool == "prefork":
        fleet.start_dispatcher()
    name = wait_until(lambda: fleet.query("SELECT name FROM workers"))[0][0]
    send_everywhere(channel, name)
    fleet.submit(20)

    fleet.wait_for_completed(20)
    wait_until(lambda: not any(count_waiting(channel).values()), 60, lambda: f"{count_waiting(channel)}")
    said = worker.read_log()
    assert worker.is_running()
    assert "Unrecoverable" not in said
    assert "Connection to broker lost" not in said
    assert said.count("message.rejected") > 300


def test_nothing_that_was_sent_is_said(fleet, channel):
    worker = fleet.start("discreet")
    secret = "4111 1111 1111 1111"
    for headers, body in [
        (good_headers(task=secret), good_body()),
        (good_headers(id=[secret]), good_body()),
        (good_headers(), [[secret, secret], {secret: secret}, {}]),
        (good_headers(), [[secret, 1], {}, {}]),
        ({}, {"task": secret, "id": secret, "args": [secret]}),
    ]:
        Message(json.dumps(body).encode(), headers).publish(channel, "", "steps.draft")

    wait_until(lambda: worker.read_log().count("dead_letters.unreadable") >= 5)
    assert secret not in worker.read_log()
