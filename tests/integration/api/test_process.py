"""An API process as gunicorn starts it: with a dispatcher of its own, before any request."""

import os
import subprocess
import sys

import pytest

from tests.harness.processes import REPOSITORY, find_free_port

LIST_THREADS = "import threading, wsgi; print([thread.name for thread in threading.enumerate()])"


@pytest.mark.parametrize(("setting", "runs"), [("true", True), ("false", False)])
def test_a_dispatcher_runs_from_the_start_unless_it_is_off(database_url, setting, runs):
    env = {
        "TICKETFLOW_DATABASE_URL": database_url,
        "TICKETFLOW_BROKER_URL": f"amqp://127.0.0.1:{find_free_port()}//",
        "TICKETFLOW_DISPATCHER": setting,
    }

    started = subprocess.run(
        [sys.executable, "-c", LIST_THREADS],
        cwd=REPOSITORY,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ("dispatcher" in started.stdout) is runs
