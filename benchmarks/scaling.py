"""Tickets a second by workers, threads, prefetch and pool: what docs/operations.md says of scaling.

Run ``python -m benchmarks.scaling [TICKETS [ROUNDS]]`` (some twenty minutes unless told otherwise). The fleets take
turns, so that whatever else the machine does hits all of them; the figure of each is the median of its rounds, and its
ratio to the first one is what carries over to other machines.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks.sets import read_shop_tickets
from tests.harness.model_stub import ModelStub
from tests.harness.postgres import SETTINGS, Postgres
from tests.harness.processes import RunningProgram, find_free_port, start_process
from tests.harness.rabbitmq import RabbitMQ, RabbitMQCluster
from tests.harness.wait import wait_until
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.services.articles import import_articles
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import Sessions, build_session_factory
from ticketflow.storage.tickets import NewTicket

Broker = RabbitMQ | RabbitMQCluster

TIMEOUT_S = 600.0
MODEL_S = 5.0
SORTED = {"category": "other", "sureness": "high", "sentiment": "neutral", "priority": "normal"}


@dataclass(frozen=True)
class Fleet:
    """The workers of one measurement.

    Attributes:
        is_waiting: Whether classify asks a chat model that takes five seconds.
    """

    workers: int = 2
    slots: int = 4
    prefetch: int = 4
    pool: str = "threads"
    is_waiting: bool = False


FLEETS = [
    Fleet(),
    Fleet(workers=1),
    Fleet(slots=8),
    Fleet(slots=16),
    Fleet(prefetch=1),
    Fleet(prefetch=8),
    Fleet(pool="prefork"),
    Fleet(is_waiting=True),
    Fleet(slots=8, is_waiting=True),
    Fleet(slots=16, is_waiting=True),
]


class Site:
    """A database, a broker and a model that every fleet works on in turn."""

    def __init__(
        self,
        stack: ExitStack,
        settings: Mapping[str, str] = SETTINGS,
        new_broker: Callable[[Path], Broker] = RabbitMQ,
    ) -> None:
        """Start the servers.

        Args:
            settings: PostgreSQL's.
            new_broker: Makes the broker in a folder.
        """
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)
        self.postgres = postgres = stack.enter_context(Postgres(self.folder / "postgres", settings))
        self.rabbitmq = rabbitmq = stack.enter_context(new_broker(self.folder / "rabbitmq"))
        self.model = stack.enter_context(ModelStub(_think))
        upgrade(postgres.url)
        self.sessions: Sessions = build_session_factory(create_engine(postgres.url))
        self.env = {"TICKETFLOW_DATABASE_URL": postgres.url, "TICKETFLOW_BROKER_URL": rabbitmq.add_vhost("scaling")}
        list(import_articles(self.sessions, "default", read_sample_articles().articles))
        self._texts = [row["text"] for row in read_shop_tickets()]
        self._submitted = 0
        # It dispatches, whatever pool the workers have.
        self.api_port = find_free_port()
        self.api = stack.enter_context(start_gunicorn(self.env, self.api_port, self.folder / "api.log"))

    def work_off(self, tickets: int) -> float:
        """Submit tickets and wait until they are completed; return how many went through in a second."""
        started = time.monotonic()
        self.submit(tickets)
        wait_until(self._is_done, TIMEOUT_S)
        return tickets / (time.monotonic() - started)

    def submit(self, tickets: int) -> None:
        """Submit tickets."""
        for new in self.write(tickets):
            submit_ticket(self.sessions, "default", new, "classify")

    def write(self, tickets: int) -> Iterator[NewTicket]:
        """Write tickets, no two of them the same."""
        for _ in range(tickets):
            self._submitted += 1
            body = self._texts[self._submitted % len(self._texts)]
            yield NewTicket(body[:80].replace("\n", " "), f"{body} {self._submitted}")

    @contextmanager
    def employ(self, fleet: Fleet) -> Iterator[list[RunningProgram]]:
        """Run a fleet for as long as the block lasts, each worker with its model loaded."""
        celery = [sys.executable, "-m", "celery", "-A", "ticketflow.tasks", "worker", "-l", "INFO", "-P", fleet.pool]
        options = ["-c", str(fleet.slots), "--prefetch-multiplier", str(fleet.prefetch)]
        env = {**self.env, "TICKETFLOW_WORKER_POOL": fleet.pool, **(self._ask_model() if fleet.is_waiting else {})}
        workers = []
        with ExitStack() as stack:
            for number in range(fleet.workers):
                log = self.folder / f"{time.monotonic_ns()}.log"
                worker = stack.enter_context(start_process([*celery, *options, "-n", f"w{number}@%h"], env, log))
                worker.wait_for_log("ready.")
                workers.append(worker)
            yield workers

    def _ask_model(self) -> dict[str, str]:
        return {
            "TICKETFLOW_LLM": "openai:stub",
            "TICKETFLOW_LLM_BASE_URL": self.model.base_url,
            "TICKETFLOW_LLM_API_KEY": "not-a-secret",
            "TICKETFLOW_LLM_STEPS": "classify",
            "TICKETFLOW_LLM_MAX_CONCURRENCY": "100",
        }

    def _is_done(self) -> bool:
        with self.sessions() as session:
            live = session.scalar(text("SELECT count(*) FROM tickets WHERE status IN ('queued', 'processing')"))
        return live == 0


def main(tickets: int = 300, rounds: int = 3) -> None:
    """Let every fleet have its turn in every round; print medians and ratios."""
    with ExitStack() as stack:
        site = Site(stack)
        rates: dict[Fleet, list[float]] = {fleet: [] for fleet in FLEETS}
        for _ in range(rounds):
            for fleet in FLEETS:
                with site.employ(fleet):
                    site.work_off(10 * fleet.workers)
                    rates[fleet].append(site.work_off(tickets))
                say(f"{fleet}  {rates[fleet][-1]:.1f}/s")
    say("")
    for fleet, measured in rates.items():
        base = next(each for each in FLEETS if each.is_waiting == fleet.is_waiting)
        ratio = median(measured) / median(rates[base])
        say(f"{fleet}  median {median(measured):.1f}/s  {min(measured):.1f} to {max(measured):.1f}  ratio {ratio:.2f}")


def start_gunicorn(env: Mapping[str, str], port: int, log_path: Path) -> RunningProgram:
    """Start the API as it runs in production, with one process."""
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]
    program = start_process(command, {**env, "TICKETFLOW_PORT": str(port)}, log_path)
    program.wait_for_port(port)
    return program


def _think(_question: dict[str, Any]) -> dict[str, Any]:
    time.sleep(MODEL_S)
    return SORTED


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
