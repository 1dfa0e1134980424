"""The embedded broker, and files that are no messages."""

import json
import os
from pathlib import Path

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from tests.garbage import ODD, ODD_BODIES
from ticketflow.tasks import filesystem_broker

EXCHANGE = Exchange("things", type="topic")
QUEUE = Queue("steps.draft", EXCHANGE, routing_key="steps.draft")
DEAD = Queue("ticketflow.dead", Exchange("ticketflow.dead", type="topic"), routing_key="#")


@pytest.fixture
def channel(tmp_path):
    folders = {"data_folder_in": "messages", "data_folder_out": "messages", "control_folder": "exchanges"}
    options = {name: str(tmp_path / place) for name, place in folders.items()}
    (tmp_path / "messages").mkdir()
    with Connection(f"{filesystem_broker.SCHEME}://", transport_options=options) as connection:
        channel = connection.default_channel
        channel.state.clear()  # what an earlier test has declared
        QUEUE.bind(channel).declare()
        DEAD.bind(channel).declare()
        yield channel


def put(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "messages" / f"{name}.steps.draft.msg").write_bytes(content)


def take(channel, queue=QUEUE):
    return queue.bind(channel).get()


def publish(channel, body="hello") -> None:
    channel.connection.client.Producer(channel).publish(body, exchange=EXCHANGE, routing_key="steps.draft")


def build_file(**changes) -> dict:
    properties = {"delivery_info": {"exchange": "things", "routing_key": "steps.draft"}, "delivery_tag": "1"}
    return {"body": "hello", "properties": properties, "headers": {}, "content-type": "text/plain"} | changes


@pytest.mark.parametrize("content", ODD_BODIES)
def test_a_broken_file_is_dropped_and_the_next_one_read(channel, tmp_path, content):
    put(tmp_path, "0", content)
    publish(channel)

    assert take(channel).payload == "hello"
    assert take(channel) is None


@pytest.mark.parametrize("part", ["body", "properties", "headers", "content-type", "content-encoding"])
def test_a_file_with_an_odd_part_ends_nobody(channel, tmp_path, part):
    for number, odd in enumerate(ODD):
        put(tmp_path, f"{number:03}", json.dumps(build_file(**{part: odd})).encode())
    publish(channel, "last")

    said = []
    while (message := take(channel)) is not None:
        said.append(message.body)
        message.reject(requeue=True)
        if len(said) > 3 * len(ODD):
            break
    assert b"last" in said


def test_what_is_no_file_is_passed_over(channel, tmp_path):
    os.mkfifo(tmp_path / "messages" / "0.steps.draft.msg")
    (tmp_path / "messages" / "1.steps.draft.msg").mkdir()
    (tmp_path / "messages" / "2.steps.draft.msg").symlink_to("/dev/zero")
    publish(channel)

    assert take(channel).payload == "hello"


def test_a_rejected_message_goes_to_the_dead_letters(channel):
    publish(channel)
    take(channel).reject()

    letter = take(channel, DEAD)

    assert letter.payload == "hello"
    assert letter.headers["x-death"] == [{"reason": "rejected", "queue": "steps.draft"}]


@pytest.mark.parametrize("content", ['[["steps.dr', "[5]", ""])
def test_the_broken_file_of_an_exchange_is_written_again(channel, tmp_path, content):
    path = tmp_path / "exchanges" / "things.exchange"
    path.write_text(content)
    with pytest.raises(ChannelError):
        publish(channel)
    QUEUE.bind(channel).declare()
    publish(channel)

    assert take(channel).payload == "hello"


def test_a_queue_is_bound_to_an_exchange_whose_file_is_broken(channel, tmp_path):
    (tmp_path / "exchanges" / "things.exchange").write_text("[5]")
    channel.state.clear()  # as in a new process

    QUEUE.bind(channel).declare()
    publish(channel)

    assert take(channel).payload == "hello"
