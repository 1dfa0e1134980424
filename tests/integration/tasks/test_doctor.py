"""`ticketflow doctor` as an operator runs it, on the real servers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.wait import wait_until

PROGRAM = Path(sys.executable).with_name("ticketflow")
NOBODY = {"TICKETFLOW_DATABASE_URL": "postgresql://127.0.0.1:1/x", "TICKETFLOW_BROKER_URL": "amqp://127.0.0.1:1//"}


def consult(env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "doctor", *args], env=os.environ | env, capture_output=True, text=True, check=False, timeout=60
    )


def read(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the findings by alert."""
    assert done.stderr == ""
    return {finding["alert"]: finding for finding in json.loads(done.stdout)["findings"]}


@pytest.mark.rabbitmq
def test_the_doctor_tells_a_system_that_is_well_from_one_that_is_not(fleet, rabbitmq_server):
    worker = fleet.start("one")
    wait_until(fleet.list_workers)

    well = consult(fleet.env)
    rabbitmq_server.set_memory_alarm(is_on=True)
    try:
        alarmed = consult(fleet.env, "--json")
    finally:
        rabbitmq_server.set_memory_alarm(is_on=False)
    worker.stop()
    alone = consult(fleet.env, "--json")

    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.splitlines()[-1].startswith("healthy")
    assert (alarmed.returncode, alone.returncode) == (1, 1)
    assert "memory" in read(alarmed)["BrokerAlarm"]["summary"]
    assert read(alone)["WorkerGone"]["see"] == "docs/runbook.md#workergone"


def test_servers_that_are_away_are_named_with_what_to_type():
    done = consult(NOBODY)

    assert (done.returncode, done.stderr) == (1, "")
    database, broker = done.stdout.splitlines()
    assert database.startswith("critical  the database does not answer: ")
    assert database.endswith('; run: pg_ctl start -D "$PGDATA"  (docs/runbook.md#databaseaway)')
    assert broker.endswith("; run: rabbitmq-server -detached  (docs/runbook.md#brokeraway)")


def test_a_wrong_setting_is_one_line_and_code_2():
    done = consult({"TICKETFLOW_PORT": "many"})

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "TICKETFLOW_PORT" in done.stderr


@pytest.mark.embedded
def test_the_doctor_works_on_the_embedded_default(embedded_system):
    done = consult(embedded_system.env, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["is_healthy"]
