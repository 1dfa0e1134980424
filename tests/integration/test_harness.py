"""The servers of the harness keep what they promised through a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from kombu import Connection, Queue

from tests.harness.postgres import Postgres
from tests.harness.processes import (
    REPOSITORY,
    ProgramDiedError,
    find_free_port,
    run_module,
    start_module,
    start_process,
)
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


SHOW = """
import json, os, signal, sys
shown = [__name__, sys.argv, sys.path[:2], os.getcwd(), os.environ["WHERE"], os.getsid(0) == os.getpid()]
print(json.dumps([*shown, "ticketflow" in sys.modules, str(signal.getsignal(signal.SIGCHLD)), sys.stdin.read()]))
print("complaint", file=sys.stderr)
sys.exit(3)
"""


def test_a_warm_program_is_what_python_would_have_run(tmp_path: Path):
    (tmp_path / "shown.py").write_text(SHOW)
    env = {"PYTHONPATH": str(tmp_path), "WHERE": "here"}

    warm = run_module("shown", ["--an", "option"], env)

    cold = subprocess.run(
        [sys.executable, "-m", "shown", "--an", "option"],
        env=os.environ | env,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (warm.stdout, warm.stderr, warm.returncode) == (cold.stdout, cold.stderr, cold.returncode)


def test_a_warm_program_can_be_killed(tmp_path: Path):
    program = start_module("http.server", ["--bind", "127.0.0.1", str(port := find_free_port())], {}, tmp_path / "log")
    program.wait_for_port(port)

    program.kill()

    assert program.popen.returncode == -signal.SIGKILL
    assert not psutil.pid_exists(program.pid)


def test_a_wait_in_vain_says_what_it_waited_for():
    with pytest.raises(AssertionError, match="until pigs fly; last answer: False"):
        wait_until(lambda: False, 0.0, "pigs fly")
