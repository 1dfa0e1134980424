"""A Ticket Flow of its own for one run: servers to break, an API, workers, and proxies in between."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from kombu import Connection

from tests.chaos.history import History, read_history
from tests.harness.postgres import Postgres
from tests.harness.processes import RunningProgram, find_free_port, start_api, start_worker
from tests.harness.proxy import Proxy
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.wait import wait_until
from ticketflow.services.keys import create_key
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

TEMPLATE = "chaos_template"
VHOST = "chaos"
DEAD_LETTERS = "ticketflow.dead"
LONG_QUEUES = {"CHAOS_LONG_QUEUES": "yes"}
STEPS = ("classify", "extract", "research", "draft", "review", "finalize")
API = "api"
READY = "ready."
COUNT_OPEN = "SELECT count(*) FROM tickets WHERE status NOT IN ('completed', 'failed', 'cancelled')"


@dataclass(frozen=True)
class Servers:
    """The servers every run shares; each run has a database of its own.

    They share the virtual host as well: a message of an earlier run names a ticket that nobody knows any more.
    """

    postgres: Postgres
    rabbitmq: RabbitMQ

    def prepare(self) -> None:
        """Make the virtual host, and the database that those of the runs are copies of."""
        self.rabbitmq.add_vhost(VHOST)
        self.postgres.execute("CREATE DATABASE {}", TEMPLATE)
        upgrade(self.postgres.build_url(TEMPLATE))


@dataclass(frozen=True)
class Setup:
    """How a site is built.

    Attributes:
        workers: A name and a pool (``threads`` or ``prefork``) for each worker.
        step_s: How long each step thinks.
        is_proxied: Whether the API and the first worker reach both servers through proxies.
        control: The safeguard that is switched off, if any; the API does not dispatch then.
        queues: How the names of the step queues begin.
        env: More environment for all of them.
    """

    workers: Mapping[str, str] = field(default_factory=lambda: {"one": "threads", "two": "threads"})
    slots: int = 4
    step_s: float = 0.05
    is_proxied: bool = False
    control: str | None = None
    app: str = "tests.chaos.app"
    queues: str = "steps"
    env: Mapping[str, str] = field(default_factory=dict)


class Site:
    """Everything of one run; faults do their worst to what it names.

    Attributes:
        database_url: Leads to the database directly, past any proxy.
        proxies: By the name of who uses it and what for: ``one-postgres``, ``api-rabbitmq`` and so on.
    """

    def __init__(self, servers: Servers, folder: Path, setup: Setup) -> None:
        """Choose names and places; ``running`` starts it."""
        self.servers = servers
        self.folder = folder
        self.setup = setup
        self.database = f"chaos_{uuid4().hex}"
        self.database_url = servers.postgres.build_url(self.database)
        self.broker_url = servers.rabbitmq.build_url(VHOST)
        self.history_path = folder / "history.jsonl"
        self.history = History(self.history_path)
        self.clock_path = folder / "clock"
        self.port = find_free_port()
        self.proxies: dict[str, Proxy] = {}
        self.programs: dict[str, RunningProgram] = {}
        self._orphans: list[psutil.Process] = []

    @contextlib.contextmanager
    def running(self) -> Iterator["Site"]:
        """Run it for as long as the block lasts, and leave nothing of it behind."""
        with ExitStack() as stack:
            self._make_places(stack)
            stack.callback(self._stop_programs)
            for name in self.setup.workers:
                self.start(name)
            self.start(API)
            for name in self.setup.workers:
                self.programs[name].wait_for_log(READY)
            yield self

    @contextlib.contextmanager
    def prepared(self) -> Iterator["Site"]:
        """Make database and virtual host, and leave it to the block to start programs."""
        with ExitStack() as stack:
            self._make_places(stack)
            stack.callback(self._stop_programs)
            yield self

    def start(self, name: str, env: Mapping[str, str] | None = None) -> RunningProgram:
        """Start the API or a worker; a worker is not waited for."""
        log_path = self.folder / f"{name}.log"
        if name == API:
            program = start_api({**self._env(API), **(env or {})}, self.port, log_path)
        else:
            more = {**self._chaos_env(), **(env or {})}
            pool = self.setup.workers.get(name, "threads")
            program = start_worker(
                self._env(name) | more, name, log_path, self.setup.slots, app=self.setup.app, pool=pool
            )
        self.programs[name] = program
        return program

    def start_again(self, name: str) -> None:
        """Start the API or a worker that was killed, and wait until it works.

        The next fault must not find the whole fleet dead: how long a ticket stands still is then how long a
        process takes to start.
        """
        log_path = self.programs[name].log_path
        times = log_path.read_text(errors="replace").count(READY)
        program = self.start(name)
        if name != API:
            wait_until(lambda: program.check_running() and program.read_log().count(READY) > times, 60, "it is ready")

    def kill(self, name: str, *, is_whole: bool) -> list[psutil.Process]:
        """Kill a program with SIGKILL, alone or with its whole process group; return all that belonged to it."""
        program = self.programs[name]
        leader = psutil.Process(program.pid)
        family = [leader, *leader.children(recursive=True)]
        if is_whole:
            os.killpg(program.pid, signal.SIGKILL)
        else:
            os.kill(program.pid, signal.SIGKILL)
        program.popen.wait()
        self.record_killed([each.pid for each in family] if is_whole else [program.pid])
        self._orphans += family[1:]
        return family

    def record_killed(self, pids: Sequence[int]) -> None:
        """Append to the history that these processes are dead."""
        self.history.record("killed", pids=list(pids))

    def list_failed(self) -> set[str]:
        """Return the tickets that failed."""
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            return {ticket for (ticket,) in connection.execute("SELECT id::text FROM tickets WHERE status = 'failed'")}

    def count_open(self) -> int:
        """Count tickets that have not ended."""
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            row = connection.execute(COUNT_OPEN).fetchone()
            return int(row[0]) if row else 0

    def count_waiting(self) -> int:
        """Count messages in the step queues, those out for delivery included."""
        counts = self.servers.rabbitmq.count_messages(VHOST)
        return sum(count for name, count in counts.items() if name.startswith(self.setup.queues))

    def take_dead_letters(self) -> set[str]:
        """Empty the dead-letter queue; return the tickets its messages name."""
        tickets = set()
        with Connection(self.broker_url) as broker:
            while message := broker.default_channel.basic_get(DEAD_LETTERS, no_ack=True):
                tickets.add(json.loads(message.body)[0][0])
        return tickets

    def purge(self) -> int:
        """Drop every message that waits in a step queue; return how many there were."""
        with Connection(self.broker_url) as broker:
            return sum(broker.default_channel.queue_purge(f"steps.{step}") for step in STEPS)

    def delete_queue(self, step: str) -> None:
        """Delete a step's queue with what is in it."""
        with Connection(self.broker_url) as broker:
            broker.default_channel.queue_delete(f"steps.{step}")

    def jump_clock(self, offset_s: int) -> None:
        """Set the wall clock of the workers to now + ``offset_s``, and wait until each of them finds it so."""
        unfinished = self.clock_path.with_suffix(".part")
        unfinished.write_text(str(offset_s))
        unfinished.replace(self.clock_path)
        pids = {self.programs[name].pid for name in self.setup.workers}
        wait_until(lambda: pids <= self._list_jumped(offset_s), 30, f"every worker's clock is {offset_s} s off")

    def _list_jumped(self, offset_s: int) -> set[int]:
        """Return the processes that found their clock so far off when it last jumped."""
        jumps = {line["pid"]: line["off_s"] for line in read_history(self.history_path) if line["what"] == "jumped"}
        return {pid for pid, off_s in jumps.items() if off_s == offset_s}

    def wait_until_quiet(self, timeout_s: float) -> None:
        """Wait until every ticket has ended and no step queue holds a message."""
        wait_until(lambda: self.count_open() == 0, timeout_s, lambda: f"all ended; {self.count_open()} have not")
        wait_until(lambda: self.count_waiting() == 0, timeout_s, lambda: f"queues empty; {self.count_waiting()} left")

    def _make_places(self, stack: ExitStack) -> None:
        postgres, rabbitmq = self.servers.postgres, self.servers.rabbitmq
        postgres.execute("CREATE DATABASE {} TEMPLATE {}", self.database, TEMPLATE)
        stack.callback(postgres.execute, "DROP DATABASE {} WITH (FORCE)", self.database)
        engine = build_engine(self.database_url)
        self.key = create_key(build_session_factory(engine), "chaos", DEFAULT_TENANT)
        engine.dispose()
        self.clock_path.write_text("0")
        if self.setup.is_proxied:
            for name in self._proxied:
                self.proxies[f"{name}-postgres"] = stack.enter_context(Proxy("127.0.0.1", postgres.port))
                self.proxies[f"{name}-rabbitmq"] = stack.enter_context(Proxy("127.0.0.1", rabbitmq.port))

    def _stop_programs(self) -> None:
        for program in self.programs.values():
            program.kill()
        for orphan in self._orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()

    @property
    def _proxied(self) -> list[str]:
        """Name the programs behind proxies: with a worker that is not, a ticket can have two holders at a time."""
        return [API, next(iter(self.setup.workers))] if self.setup.is_proxied else []

    def _env(self, user: str) -> dict[str, str]:
        urls = {"postgres": self.database_url, "rabbitmq": self.broker_url}
        if user in self._proxied:
            urls = {name: self.proxies[f"{user}-{name}"].build_url(url) for name, url in urls.items()}
        return {
            "TICKETFLOW_DATABASE_URL": urls["postgres"],
            "TICKETFLOW_BROKER_URL": urls["rabbitmq"],
            "TICKETFLOW_REDISPATCH_AFTER_S": "3",
            "TICKETFLOW_LEASE_S": "1",
            "TICKETFLOW_PUBLISH_TIMEOUT_S": "1",
            "TICKETFLOW_MAX_IN_FLIGHT": "64",
            "TICKETFLOW_POLL_INTERVAL_S": "0.25",
            "TICKETFLOW_DISPATCHER": "false" if user == API and self.setup.control else "true",
            **self.setup.env,
        }

    def _chaos_env(self) -> dict[str, str]:
        control = {"CHAOS_CONTROL": self.setup.control} if self.setup.control else {}
        return {
            "CHAOS_HISTORY": str(self.history_path),
            "CHAOS_STEP_S": str(self.setup.step_s),
            "CHAOS_CLOCK": str(self.clock_path),
            **control,
        }
