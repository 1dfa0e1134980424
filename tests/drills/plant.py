"""A whole Ticket Flow to break, with everything that watches it: servers, API, worker, exporters, Prometheus."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.drills.celery_exporter import start_celery_exporter
from tests.drills.prometheus import Prometheus, Target
from tests.drills.small_disk import SmallDisk
from tests.harness.postgres import Postgres
from tests.harness.postgres import find_programs as find_postgres_programs
from tests.harness.processes import REPOSITORY, RunningProgram, find_free_port, start_process
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.rabbitmq import find_programs as find_rabbitmq_programs
from tests.harness.wait import wait_until
from tests.receiver import receiving
from ticketflow.services.articles import create_article
from ticketflow.services.keys import create_key
from ticketflow.storage.articles import NewArticle
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

OURS = ("exporter", "api", "worker")
WORKERS = 3
WAIT_S = 120.0
OPEN = "SELECT count(*) FROM tickets WHERE status <> 'completed'"


@dataclass
class Ports:
    """Where everything listens; workers get one each, in the order they start."""

    api: int = field(default_factory=find_free_port)
    exporter: int = field(default_factory=find_free_port)
    celery: int = field(default_factory=find_free_port)
    rabbitmq: int = field(default_factory=find_free_port)
    workers: list[int] = field(default_factory=lambda: [find_free_port() for _ in range(WORKERS)])


class Plant:
    """Everything of one drill.

    Attributes:
        env: What every process and every command of the runbook gets.
        programs: What runs, by name: ``api``, ``worker``, ``exporter``, ``celery-exporter`` and what a drill adds.
    """

    def __init__(self, folder: Path) -> None:
        """Choose names and places; ``running`` starts it."""
        self.folder = folder
        self.ports = Ports()
        self.disk = SmallDisk(folder / "disk")
        self.programs: dict[str, RunningProgram] = {}
        self.env: dict[str, str] = {}
        self._altered: set[str] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator["Plant"]:
        """Run all of it for as long as the block lasts, and leave nothing of it behind."""
        with ExitStack() as stack:
            stack.enter_context(self.disk)
            config = f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {self.ports.rabbitmq}\n"
            self.rabbitmq = RabbitMQ(self.disk.folder / "rabbitmq", config, ["rabbitmq_prometheus"])
            self.postgres = Postgres(self.folder / "postgres")
            self.receiver = stack.enter_context(receiving())
            stack.callback(self._stop_servers)
            self.postgres.start()
            self.rabbitmq.start()
            self._prepare_database()
            self.env = self._build_env()
            stack.callback(self._stop_programs)
            for name in OURS:
                self.start(name)
            self.programs["celery-exporter"] = start_celery_exporter(
                self.rabbitmq.url, self.ports.celery, self.folder / "celery-exporter.log", worker_timeout_s=5
            )
            self.wait_until_well()
            yield self

    def start(self, name: str, **env: str) -> RunningProgram:
        """Start a program as production does, with more environment; it is not waited for."""
        python = [sys.executable, "-m"]
        commands: dict[str, tuple[list[str | Path], dict[str, str]]] = {
            "exporter": ([Path(sys.executable).with_name("ticketflow"), "exporter"], self._exporter_env()),
            "api": ([*python, "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"], {}),
            "worker": ([*python, "celery", "-A", "ticketflow.tasks", "worker", "-n", "first@%h"], self._worker_env(0)),
        }
        command, own = commands[name]
        self.programs[name] = start_process(command, self.env | own | env, self.folder / f"{name}.log")
        (self._altered.add if env else self._altered.discard)(name)
        return self.programs[name]

    def restore(self) -> None:
        """End what a drill and its repair have started, and have everything else as if nothing had ever happened."""
        for name in set(self.programs) - {*OURS, "celery-exporter"}:
            self.programs.pop(name).kill()
        self.forget()
        for name in OURS:
            if name in self._altered and name in self.programs:
                self.stop(name)
            if name not in self.programs or not self.programs[name].is_running():
                self.start(name)
        self.wait_until_well()

    def stop(self, name: str) -> None:
        """Stop a program in order."""
        self.programs.pop(name).stop()

    def run(self, name: str, command: str, env: Mapping[str, str]) -> RunningProgram:
        """Run a command line as an operator does; it may end or stay."""
        account = self.postgres.account if command.startswith("pg_ctl") else None
        cwd = Path("/") if account else REPOSITORY
        if account:
            (self.folder / f"{name}.log").touch()
        program = start_process(
            ["bash", "-c", command], self.env | env, self.folder / f"{name}.log", cwd=cwd, account=account
        )
        self.programs[name] = program
        return program

    def ask(self, command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command line that ends, and return what it said."""
        return subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, **self.env, **env},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_S,
        )

    def consult(self) -> list[dict[str, Any]]:
        """Return the findings of ``ticketflow doctor``."""
        done = self.ask("ticketflow doctor --json")
        assert done.stdout, done.stderr
        findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return findings

    def submit(self, count: int, subject: str = "Password") -> None:
        """Send some tickets."""
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.api_url, headers=headers, timeout=30) as client:
            for _ in range(count):
                new = {"subject": subject, "body": "How do I reset my password?"}
                assert client.post("/tickets", json=new).status_code == httpx.codes.ACCEPTED

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in the tickets' database."""
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def wait_until_all_completed(self) -> None:
        """Wait until every ticket that was ever accepted is completed."""
        wait_until(lambda: self.query(OPEN) == [(0,)], WAIT_S, lambda: f"all completed; open: {self.describe()}")

    def forget(self) -> None:
        """Delete what tickets, workers and endpoints there were: no drill is to see those of another one."""
        wait_until(self._forget, WAIT_S, "no live program is in the way")

    def describe(self) -> list[tuple[Any, ...]]:
        """Return how the tickets stand."""
        return self.query("SELECT status, next_step, count(*), min(error::text) FROM tickets GROUP BY 1, 2")

    def wait_until_well(self) -> None:
        """Wait until tickets flow from the API to their ends."""
        wait_until(self._answers, WAIT_S, lambda: f"the API answers\n{self.programs['api'].read_log()[-3000:]}")
        wait_until(
            lambda: self.query("SELECT count(*) FROM workers WHERE seen_at > now() - interval '5 s'") > [(0,)],
            WAIT_S,
            "a worker is there",
        )
        self.submit(2)
        self.wait_until_all_completed()

    def list_targets(self) -> list[Target]:
        """Say what Prometheus is to read, under the names of jobs that the rules know."""
        return [
            Target("ticketflow-api", [self.ports.api]),
            Target("ticketflow-worker", self.ports.workers),
            Target("ticketflow-exporter", [self.ports.exporter]),
            Target("celery", [self.ports.celery], interval_s=4),
            Target("rabbitmq", [self.ports.rabbitmq]),
            Target(
                "rabbitmq-queues",
                [self.ports.rabbitmq],
                "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count",
            ),
        ]

    @property
    def database_url(self) -> str:
        """Where the tickets are."""
        return self.postgres.build_url("drill")

    @property
    def api_url(self) -> str:
        """Where tickets are taken in."""
        return f"http://127.0.0.1:{self.ports.api}"

    @contextlib.contextmanager
    def watched(self) -> Iterator[Prometheus]:
        """Run a Prometheus that knows nothing of earlier drills."""
        folder = self.folder / "prometheus"
        shutil.rmtree(folder, ignore_errors=True)
        with Prometheus(folder, self.list_targets()) as prometheus:
            yield prometheus

    def _forget(self) -> bool:
        # Programs look at the same tables at the same time, in another order.
        with (
            contextlib.suppress(psycopg.errors.DeadlockDetected),
            psycopg.connect(self.database_url.replace("+psycopg", "")) as connection,
        ):
            connection.execute("SET LOCAL ticketflow.erasing = on")  # the trail takes it from nobody else
            connection.execute("TRUNCATE tickets, workers, webhook_endpoints CASCADE")
            return True
        return False

    def _prepare_database(self) -> None:
        self.postgres.execute("CREATE DATABASE drill")
        # What the harness says on its command line, for `pg_ctl start` to find.
        self.postgres.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
        self.postgres.execute(f"ALTER SYSTEM SET unix_socket_directories = '{self.postgres.directory / 'data'}'")
        with psycopg.connect(self.postgres.conninfo, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET port = {self.postgres.port}".encode())
        upgrade(self.database_url)
        engine = build_engine(self.database_url)
        sessions = build_session_factory(engine)
        self.key = create_key(sessions, "drills", DEFAULT_TENANT)
        create_article(sessions, DEFAULT_TENANT, NewArticle("Reset your password", "Choose the reset link."))
        engine.dispose()

    def _build_env(self) -> dict[str, str]:
        folders = [Path(sys.executable).parent, find_postgres_programs(self.postgres.account), find_rabbitmq_programs()]
        environ = self.rabbitmq.env
        data_dir, logs = self.disk.folder / "data", self.disk.folder / "logs"
        for made in (data_dir, logs):
            made.mkdir(exist_ok=True)
        return {
            # Its HOME has the cookie that both the server and rabbitmqctl must know.
            **{name: value for name, value in environ.items() if name != "RUNNING_UNDER_SYSTEMD"},
            "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
            "PGDATA": str(self.postgres.directory / "data"),
            "LOGS": str(logs),
            "TICKETFLOW_DATABASE_URL": self.database_url,
            "TICKETFLOW_BROKER_URL": self.rabbitmq.url,
            "TICKETFLOW_DATA_DIR": str(data_dir),
            "TICKETFLOW_API_URL": self.api_url,
            "TICKETFLOW_PORT": str(self.ports.api),
            "TICKETFLOW_CANARY_INTERVAL_S": "1",
            "TICKETFLOW_REDISPATCH_AFTER_S": "3",
            "TICKETFLOW_LEASE_S": "2",
            "TICKETFLOW_POLL_INTERVAL_S": "0.25",
            "TICKETFLOW_API_KEY": self.key,
            "TICKETFLOW_WEBHOOK_ALLOW_PRIVATE": "true",
        }

    def _exporter_env(self) -> dict[str, str]:
        return {"TICKETFLOW_METRICS_PORT": str(self.ports.exporter)}

    def _worker_env(self, place: int) -> dict[str, str]:
        return {"TICKETFLOW_METRICS_PORT": str(self.ports.workers[place])}

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/readyz", timeout=5).json()["status"] == "ready"
        except httpx.TransportError:
            return False

    def _stop_programs(self) -> None:
        for program in self.programs.values():
            program.kill()

    def _stop_servers(self) -> None:
        """End both servers, also where a command of the runbook has started them."""
        with contextlib.suppress(AssertionError):
            self.rabbitmq.ctl("stop")
        self.rabbitmq.stop()
        pid_file = self.postgres.directory / "data/postmaster.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGINT)
        wait_until(lambda: not pid_file.exists(), 30, "PostgreSQL has ended")
        with contextlib.suppress(RuntimeError):
            self.postgres.stop()
