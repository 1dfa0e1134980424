"""The servers of the harness keep what they promised through a kill."""

from pathlib import Path

import psycopg
import pytest
from kombu import Connection, Queue

from tests.harness.postgres import Postgres
from tests.harness.processes import ProgramDiedError, start_process
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.wait import wait_until


def test_postgres_keeps_committed_rows_through_a_kill(postgres_server: Postgres):
    postgres_server.execute("CREATE TABLE {} AS SELECT 7 AS answer", "kept")

    postgres_server.kill()
    postgres_server.start()

    with psycopg.connect(postgres_server.conninfo) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (7,)
    postgres_server.execute("DROP TABLE {}", "kept")


@pytest.mark.rabbitmq
def test_rabbitmq_keeps_a_confirmed_message_through_a_kill(rabbitmq_server: RabbitMQ, broker_url: str):
    queue = Queue("kept", durable=True)
    with Connection(broker_url, transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish("hello", routing_key="kept", declare=[queue], delivery_mode="persistent")
    rabbitmq_server.flush_definitions()

    rabbitmq_server.kill()
    rabbitmq_server.start()

    with Connection(broker_url) as connection:
        message = queue(connection.channel()).get(no_ack=True)
        assert message is not None
        assert message.payload == "hello"


def test_a_program_that_dies_shows_the_end_of_its_log(tmp_path: Path):
    program = start_process(["sh", "-c", "echo the reason; exit 3"], {}, tmp_path / "short.log")

    with pytest.raises(ProgramDiedError, match=r"(?s)ended with 3.*the reason"):
        wait_until(lambda: not program.check_running(), 10.0)


def test_a_wait_in_vain_says_what_it_waited_for():
    with pytest.raises(AssertionError, match="until pigs fly; last answer: False"):
        wait_until(lambda: False, 0.0, "pigs fly")
