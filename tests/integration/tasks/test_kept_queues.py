"""Queues that exist with another type or other arguments than we would declare are used as they are."""

import pytest
from kombu import Connection


@pytest.fixture
def channel(broker_url):
    with Connection(broker_url, connect_timeout=60) as connection:
        yield connection.default_channel


def declare(channel, name: str, **arguments) -> None:
    channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)


@pytest.mark.parametrize(("wanted", "existing"), [("quorum", "classic"), ("classic", "quorum")])
def test_queues_of_another_type_are_used(fleet, channel, wanted, existing):
    for name in ("steps.classify", "steps.draft", "ticketflow.dead"):
        declare(channel, name, **{"x-queue-type": existing})
    worker = fleet.start("content", TICKETFLOW_QUEUE_TYPE=wanted)
    fleet.submit(5)

    fleet.wait_for_completed(5)
    said = worker.read_log()
    assert said.count("broker.kept") == 3
    assert "Connection to broker lost" not in said


def test_exchanges_and_arguments_of_others_are_used(fleet, channel):
    declare(channel, "steps.review", **{"x-queue-type": "quorum", "x-max-length": 1000})
    channel.exchange_declare("ticketflow", "direct", durable=True, auto_delete=False)
    worker = fleet.start("content")
    fleet.submit(5)

    fleet.wait_for_completed(5)
    assert worker.read_log().count("broker.kept") == 2
