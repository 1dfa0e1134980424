"""Adding a step touches one step file and the graph: done here on a copy of the package, and run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY
from tests.seventh_step import ORDER, change_steps

RUN = """
import json, sys
from datetime import timedelta
from tests.fakes import fake_tools
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import claim_due
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.tickets import NewTicket, build_request
from ticketflow.tasks import app
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.plan import ticket_plan

plan, tools, new = ticket_plan(), fake_tools(), NewTicket("Hello", "Anybody?")
engine = build_engine(sys.argv[1])
sessions = build_session_factory(engine)
ticket_id = submit_ticket(sessions, "default", new, plan.order[0], graph_version=plan.lineage.version).ticket_id
with sessions.begin() as session:
    (dispatched,) = claim_due(session, 1, timedelta(minutes=5), plan.lineage)
runner = StepRunner(sessions, plan, tools, QueueWait(timedelta(minutes=5)))
for step in plan.order:
    runner.run(Claim(ticket_id, step, dispatched.generation))
with sessions() as session:
    ticket = session.get_one(Ticket, ticket_id)
app.loader.import_default_modules()
print(json.dumps({
    "tasks": [name for name in app.tasks if name.startswith("ticketflow.")],
    "queues": [queue.name for queue in app.conf.task_queues],
    "status": ticket.status,
    "chain": {**build_request(ticket), **ticket.state},
    "in_process": build_graph().invoke(build_request(ticket), context=tools),
}))
engine.dispose()
"""


@pytest.fixture
def copy(tmp_path) -> Path:
    """Copy the package and change its steps."""
    shutil.copytree(REPOSITORY / "ticketflow", tmp_path / "ticketflow", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "alembic", tmp_path / "alembic")
    shutil.copy(REPOSITORY / "celeryconfig.py", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(REPOSITORY / "tests" / "fakes.py", tmp_path / "tests")
    change_steps(tmp_path)
    return tmp_path


def test_a_seventh_step_has_a_task_and_a_queue_and_takes_effect(copy, database_url):
    environment = {**os.environ, "PYTHONPATH": str(copy)}

    done = subprocess.run(
        [sys.executable, "-c", RUN, database_url],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in found["tasks"] if ".steps." in name] == [f"ticketflow.steps.{step}" for step in ORDER]
    assert found["queues"] == [f"steps.{step}" for step in ORDER]
    assert found["status"] == "completed"
    assert found["chain"]["words"] > 0
    assert found["chain"] == found["in_process"]
