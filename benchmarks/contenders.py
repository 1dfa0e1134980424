"""Who is measured: Ticket Flow as it is deployed, and chains of Celery tasks that others would write."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TextIO

import httpx
import psycopg
from sqlalchemy import create_engine

from benchmarks.servers import Servers
from benchmarks.systems.schema import SCHEMA
from tests.harness.processes import REPOSITORY, TICKETFLOW, RunningProgram, find_free_port, start_process
from tests.harness.wait import wait_until
from tests.harness.warm import start_warm
from ticketflow.services.keys import create_key
from ticketflow.storage.session import build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

QUICK = "quick_worker"  # steps that do nothing
SYSTEMS = Path(__file__).parent / "systems"
TIMEOUT_S = 600.0
UNSEEN = "unseen"  # without logs, metrics and events
ALL = ("stock", "orm", "statement", "ours")
PY_SPY = Path(sys.executable).with_name("py-spy")
LIVE = "SELECT EXISTS (SELECT FROM tickets WHERE status IN ('queued', 'processing'))"


@dataclass(frozen=True)
class Fleet:
    """Workers of one measurement."""

    workers: int = 2
    slots: int = 8
    pool: str = "threads"
    queue: str = "quorum"
    api_processes: int = 1


@dataclass(frozen=True)
class Submitter:
    """A program that takes tickets in: as many as each line it is asked says."""

    program: RunningProgram
    asked: TextIO
    answered: TextIO


@dataclass
class Team:
    """Programs of one contender that are running.

    Attributes:
        parts: By the name under which their processor time is reported.
    """

    contender: "Contender"
    parts: dict[str, list[RunningProgram]]
    submitter: "Submitter"
    done_before: int
    submitted: int = 0
    api_port: int = 0
    workers: list[RunningProgram] = field(default_factory=list)

    @contextmanager
    def profile(self, path: Path | None) -> Iterator[None]:
        """Let py-spy watch a worker for as long as the block lasts, and draw where its threads were into a file."""
        if path is None:
            yield
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "flamegraph" if path.suffix == ".svg" else "raw"
        options = ["--gil", "--threads", "--rate", "200", "--format", kind, "--output", path]
        args = [PY_SPY, "record", *options, "--pid", str(self.workers[0].pid)]
        with start_process(args, {}, path.with_suffix(".log")) as spy:
            yield
            spy.stop(signal.SIGINT)  # that is when it writes

    def submit(self, tickets: int) -> None:
        """Submit tickets and wait until they are in."""
        self.submitter.asked.write(f"{tickets}\n")
        if self.submitter.answered.readline() != "done\n":
            raise AssertionError(self.submitter.program.read_log())
        self.submitted += tickets

    def wait(self) -> None:
        """Wait until all that was submitted is done."""
        tickets = self.done_before + self.submitted
        wait_until(lambda: self.contender.is_done(tickets), TIMEOUT_S, f"the tickets of {self.contender.name} are done")


class Contender:
    """One system on a database and a virtual host of its own.

    Attributes:
        name: What it is called in tables.
        database: Name of its database.
        threads: Threads whose time is a part of its own.
        asked: How many statements the bench itself has sent to its database.
        is_cold: Whether its programs start from nothing, as in production, so that their memory is their own.
    """

    threads: ClassVar[Mapping[str, str]] = {}

    def __init__(self, name: str, servers: Servers, fleet: Fleet, checkout: Path = REPOSITORY) -> None:
        """Prepare its database and broker."""
        self.checkout = checkout
        self.name = name
        self.database = "".join(letter if letter.isalnum() else "_" for letter in name)
        self.servers = servers
        self.fleet = fleet
        self.asked = 0
        self.is_cold = False
        self.database_url = servers.add_database(self.database)
        self.broker_url = servers.rabbitmq.add_vhost(self.database)

    @contextmanager
    def run(self) -> Iterator[Team]:
        """Run everything it consists of for as long as the block lasts."""
        raise NotImplementedError

    def is_done(self, tickets: int) -> bool:
        """Say whether so many tickets are through."""
        raise NotImplementedError

    def count_done(self) -> int:
        """Return how many tickets are through."""
        raise NotImplementedError

    def start(self, module: str, *args: str, env: Mapping[str, str]) -> RunningProgram:
        """Start one of its programs, as ``python -m`` in its checkout would, from a process that is warm."""
        log = self.servers.folder / self.database / f"{time.monotonic_ns()}.log"
        log.parent.mkdir(exist_ok=True)
        log.touch()
        whole = {**os.environ, **env, "PYTHONPATH": str(SYSTEMS)}
        if self.is_cold:
            return start_process([sys.executable, "-m", module, *args], whole, log, cwd=self.checkout)
        return RunningProgram(module, start_warm(module, args, whole, self.checkout, log, log), log)

    @contextmanager
    def start_submitter(self, module: str, env: Mapping[str, str]) -> Iterator["Submitter"]:
        """Start what takes its tickets in."""
        folder = Path(tempfile.mkdtemp(dir=self.servers.folder))
        for name in ("asked", "answered"):
            os.mkfifo(folder / name)
        with (
            self.start(module, str(folder), env=env) as program,
            (folder / "asked").open("w", buffering=1) as asked,
            (folder / "answered").open() as answered,
        ):
            yield Submitter(program, asked, answered)


class TicketFlow(Contender):
    """All of the product: safeguards, events, metrics and logs on."""

    threads: ClassVar[Mapping[str, str]] = {"dispatcher": "dispatchers"}

    def __init__(  # who, where, how many, and what is different
        self,
        name: str,
        servers: Servers,
        fleet: Fleet,
        checkout: Path = REPOSITORY,
        app: str = QUICK,
        **settings: str,
    ) -> None:
        """Bring its database to the schema of the checkout; ``settings`` are variables, ``TICKETFLOW_*`` mostly."""
        super().__init__(name, servers, fleet, checkout)
        self.app = app
        self.env = {
            "TICKETFLOW_DATABASE_URL": self.database_url,
            "TICKETFLOW_BROKER_URL": self.broker_url,
            "TICKETFLOW_QUEUE_TYPE": fleet.queue,
            "TICKETFLOW_WORKER_POOL": fleet.pool,
            "TICKETFLOW_LOG_FORMAT": "json",
            "WEB_CONCURRENCY": str(fleet.api_processes),
            **settings,
        }
        with self.start(TICKETFLOW, "db", "upgrade", env=self.env) as upgrade:
            if upgrade.popen.wait(TIMEOUT_S):
                raise AssertionError(upgrade.read_log())
        self._connection: psycopg.Connection | None = None

    @contextmanager
    def run(self) -> Iterator[Team]:
        """Run API and workers; the API only dispatches."""
        options = ["-A", self.app, "worker", "-l", "INFO", "-P", self.fleet.pool, "-c", str(self.fleet.slots)]
        port = find_free_port()
        with ExitStack() as stack:
            env = {**self.env, "TICKETFLOW_PORT": str(port)}
            api = stack.enter_context(self.start("gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app", env=env))
            workers = []
            for number in range(self.fleet.workers):
                env = {**self.env, "TICKETFLOW_METRICS_PORT": str(find_free_port())}
                workers.append(stack.enter_context(self.start("celery", *options, "-n", f"w{number}@%h", env=env)))
            submitter = stack.enter_context(self.start_submitter("submit_ours", self.env))
            api.wait_for_port(port)
            for worker in workers:
                worker.wait_for_log("ready.")
            parts = {"workers": workers, "api": [api]}
            yield Team(self, parts, submitter, self.count_done(), api_port=port, workers=workers)

    def open_client(self, team: Team) -> httpx.Client:
        """Return a client of the API with a key."""
        engine = create_engine(self.database_url)
        key = create_key(build_session_factory(engine), "bench", DEFAULT_TENANT)
        engine.dispose()
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{team.api_port}", headers=headers, timeout=60)

    def is_done(self, tickets: int) -> bool:
        """Say whether nothing is under way; what failed is no result."""
        if self.ask(LIVE):
            return False
        done = self.count_done()
        if done < tickets:
            raise AssertionError(f"{self.name}: {tickets - done} tickets did not complete")
        return True

    def count_done(self) -> int:
        """Return how many tickets are completed."""
        return int(self.ask("SELECT count(*) FROM tickets WHERE status = 'completed'"))

    def ask(self, question: str) -> int:
        """Return the one number of a query."""
        if self._connection is None:
            url = self.servers.postgres.get_conninfo(self.database)
            self._connection = psycopg.connect(url, autocommit=True)
        self.asked += 1
        row = self._connection.execute(question).fetchone()
        return row[0] if row else 0


class Chain(Contender):
    """A chain of six Celery tasks (`systems/chain.py`)."""

    def __init__(self, name: str, servers: Servers, fleet: Fleet, kind: str) -> None:
        """Make its table; ``kind`` is one that `systems/chain.py` knows."""
        super().__init__(name, servers, fleet)
        self.kind = kind
        self.done = servers.folder / f"{self.database}.done"
        self.done.touch()
        self.env = {
            "CHAIN_BROKER_URL": self.broker_url,
            "CHAIN_DATABASE_URL": self.database_url,
            "CHAIN_DONE": str(self.done),
            "CHAIN_KIND": kind,
            "CHAIN_QUEUE": fleet.queue,
        }
        with psycopg.connect(servers.postgres.get_conninfo(self.database), autocommit=True) as connection:
            connection.execute(SCHEMA)

    @contextmanager
    def run(self) -> Iterator[Team]:
        """Run workers: as Celery comes, a child process for each core; with one statement a step, like ours."""
        options = ["-P", "threads", "-c", str(self.fleet.slots)] if self.kind == "statement" else []
        options = ["-A", "chain", "worker", "-l", "INFO", *options]
        with ExitStack() as stack:
            names = [f"w{number}@%h" for number in range(self.fleet.workers)]
            workers = [stack.enter_context(self.start("celery", *options, "-n", name, env=self.env)) for name in names]
            submitter = stack.enter_context(self.start_submitter("chain", self.env))
            for worker in workers:
                worker.wait_for_log("ready.")
            yield Team(self, {"workers": workers}, submitter, self.count_done(), workers=workers)

    def is_done(self, tickets: int) -> bool:
        """Say whether so many chains have ended."""
        return self.count_done() >= tickets

    def count_done(self) -> int:
        """Return how many chains have ended: a byte each."""
        return self.done.stat().st_size


def list_contenders(
    servers: Servers, fleet: Fleet, others: Sequence[Path], only: Collection[str] = ()
) -> list[Contender]:
    """Return who takes turns: those named or `ALL`, and other checkouts."""
    makers: dict[str, Callable[[str], Contender]] = {
        "stock": lambda name: Chain(name, servers, fleet, "stock"),
        "orm": lambda name: Chain(name, servers, fleet, "orm"),
        "statement": lambda name: Chain(name, servers, fleet, "statement"),
        "ours": lambda name: TicketFlow(name, servers, fleet),
        UNSEEN: lambda name: TicketFlow(name, servers, fleet, BENCH_UNSEEN="1", TICKETFLOW_LOG_LEVEL="error"),
    }
    for other in others:
        makers[f"ours of {other.name}"] = lambda name, other=other: TicketFlow(name, servers, fleet, other.resolve())
    return [make(name) for name, make in makers.items() if name in (only or ALL) or " of " in name]
