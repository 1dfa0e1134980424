"""Workers with quick steps on the real servers, and what they leave behind."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from tests.chaos.history import read_history
from tests.harness.processes import TICKETFLOW, RunningProgram, start_module, start_worker
from tests.harness.wait import wait_until
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

STEPS = len(ticket_plan().order)


@dataclass
class Fleet:
    """Workers of one database and one virtual host.

    Attributes:
        env: What every process of it needs; more may be added before a worker starts.
    """

    env: dict[str, str]
    directory: Path
    sessions: sessionmaker[Session]
    stack: ExitStack = field(default_factory=ExitStack)

    def start(self, name: str, concurrency: int = 4, pool: str = "threads", **settings: Any) -> RunningProgram:
        """Start a worker and wait until it is ready; ``settings`` are environment variables."""
        # Not by -P prefork: that is Celery's default, for which it takes the configured pool instead.
        env = self.env | {"TICKETFLOW_WORKER_POOL": pool} | {key: str(value) for key, value in settings.items()}
        log_path = self.directory / f"{name}.log"
        worker = start_worker(env, name, log_path, concurrency, app="tests.chaos.app", pool=pool)
        self.stack.enter_context(worker)
        worker.wait_for_log("ready.")
        return worker

    def start_dispatcher(self) -> RunningProgram:
        """Start a process that only dispatches."""
        process = start_module(TICKETFLOW, ["dispatcher"], self.env, self.directory / "dispatcher.log")
        return self.stack.enter_context(process)

    def submit(self, count: int, subject: str = "Password") -> None:
        for _ in range(count):
            new = NewTicket(subject, "How do I reset my password?")
            submit_ticket(self.sessions, DEFAULT_TENANT, new, ticket_plan().order[0])

    def query(self, statement: str) -> list[Any]:
        with self.sessions() as session:
            return list(session.execute(text(statement)).all())

    def count_completed(self) -> int:
        return self.query("SELECT count(*) FROM tickets WHERE status = 'completed'")[0][0]

    def wait_for_completed(self, count: int, timeout_s: float = 120) -> None:
        """Wait until so many tickets are completed; no step of any of them may have taken effect twice."""
        wait_until(lambda: self.count_completed() >= count, timeout_s, self.describe)
        effects = Counter(self.query("SELECT ticket_id, step FROM ticket_events WHERE type = 'step.completed'"))
        assert set(effects.values()) == {1}
        assert len(effects) == count * STEPS

    def describe(self) -> str:
        return f"all are completed; {self.query('SELECT status, next_step, count(*) FROM tickets GROUP BY 1, 2')}"

    def list_workers(self) -> dict[str, int]:
        """Return live workers' names, without the host, and their slots."""
        rows = self.query("SELECT name, slots FROM workers WHERE seen_at > now() - interval '10 s'")
        return {name.partition("@")[0]: slots for name, slots in rows}

    def list_pids(self, what: str, step: str | None = None) -> list[int]:
        """Return the processes that did something, in order: ``executing`` or ``committed`` a step, or any step."""
        lines = read_history(self.env["CHAOS_HISTORY"])
        return [line["pid"] for line in lines if line["what"] == what and step in (None, line["step"])]


@pytest.fixture
def fleet(database_url: str, broker_url: str, sessions: sessionmaker[Session], tmp_path: Path) -> Iterator[Fleet]:
    """Give a fleet without workers; those a test starts end with it."""
    env = {
        "TICKETFLOW_DATABASE_URL": database_url,
        "TICKETFLOW_BROKER_URL": broker_url,
        "TICKETFLOW_CANARY_INTERVAL_S": "0.5",
        "CHAOS_HISTORY": str(tmp_path / "history"),
        "PYTHONPATH": os.getcwd(),  # noqa: PTH109
    }
    made = Fleet(env, tmp_path, sessions)
    yield made
    made.stack.close()
