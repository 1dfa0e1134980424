"""pytest-celery's fixtures with our worker's image and RabbitMQ; a plugin that `make compose-test` names."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_docker_tools.wrappers.container as docker_tools
import yaml
from pytest_celery import (
    CeleryBrokerCluster,
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerContainer,
    RabbitMQContainer,
)
from pytest_docker_tools import container, fxtr, volume
from pytest_docker_tools.wrappers import Container

from tests.chaos.trail import Event, walk
from tests.harness.processes import REPOSITORY
from tests.harness.wait import wait_until
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

# A machine that is a container itself is not one of this engine's: only published ports lead in.
docker_tools.tests_inside_container = lambda: False

IMAGES = json.loads(os.environ["COMPOSE_TEST_IMAGES"])
WORKER = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]["worker"]
PASSWORD = "only-in-tests"


class Broker(RabbitMQContainer):
    """The image that docker-compose.yml names."""

    @classmethod
    def image(cls) -> str:
        return IMAGES["RABBITMQ_IMAGE"]


class Worker(CeleryWorkerContainer):
    """Our image with the command of docker-compose.yml."""

    @classmethod
    def command(cls, *args: str, **_: Any) -> list[str]:
        return [*WORKER["command"], *args]

    @classmethod
    def worker_name(cls) -> str:
        return "worker"


class Database(Container):
    """PostgreSQL; ready when it takes connections over TCP, which it does not while it sets itself up."""

    def ready(self) -> bool:
        if not super().ready():
            return False
        return self.exec_run(["pg_isready", "--quiet", "--host=127.0.0.1"]).exit_code == 0


broker_files = volume()
default_rabbitmq_broker = container(
    image="{default_rabbitmq_broker_image}",
    ports=fxtr("default_rabbitmq_broker_ports"),
    environment=fxtr("default_rabbitmq_broker_env"),
    network="{default_pytest_celery_network.name}",
    volumes={"{broker_files.name}": {"bind": "/var/lib/rabbitmq"}},
    wrapper_class=Broker,
    timeout=120,
)
database_files = volume()
database_server = container(
    image=IMAGES["POSTGRES_IMAGE"],
    environment={"POSTGRES_USER": "ticketflow", "POSTGRES_PASSWORD": PASSWORD},
    ports={"5432/tcp": None},
    network="{default_pytest_celery_network.name}",
    volumes={"{database_files.name}": {"bind": "/var/lib/postgresql/data"}},
    wrapper_class=Database,
    timeout=60,
)
_WORKER = {
    "image": IMAGES["APP_IMAGE"],
    "environment": fxtr("default_worker_env"),
    "network": "{default_pytest_celery_network.name}",
    "command": fxtr("default_worker_command"),
    "wrapper_class": Worker,
    "timeout": 60,
    # As x-app of docker-compose.yml has it.
    "init": True,
    "read_only": True,
    "tmpfs": {"/tmp": ""},  # noqa: S108  # its own
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}
default_worker_container = container(**_WORKER)
second_worker_container = container(**_WORKER)


@pytest.fixture
def default_rabbitmq_broker_cls() -> type[RabbitMQContainer]:
    return Broker


@pytest.fixture
def default_worker_container_cls() -> type[CeleryWorkerContainer]:
    return Worker


@pytest.fixture
def celery_broker_cluster(celery_rabbitmq_broker) -> Iterator[CeleryBrokerCluster]:
    cluster = CeleryBrokerCluster(celery_rabbitmq_broker)
    yield cluster
    cluster.teardown()


@pytest.fixture
def celery_backend_cluster() -> None:
    """Do without: results are in PostgreSQL."""


@pytest.fixture
def database_name(database_server) -> str:
    """Make an empty, migrated database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(_build_url(database_server, "ticketflow"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(_build_url(database_server, name))
    return name


def _build_url(server: Container, name: str) -> str:
    return f"postgresql://ticketflow:{PASSWORD}@127.0.0.1:{server.ports['5432/tcp'][0]}/{name}"


@pytest.fixture
def worker_settings() -> dict[str, str]:
    """Say what workers are told besides; tests that want more parametrize it."""
    return {}


@pytest.fixture
def default_worker_env(celery_worker_cluster_config, database_server, database_name, worker_settings) -> dict[str, str]:
    """Name the servers by the names they have among containers."""
    (broker_url,) = celery_worker_cluster_config["celery_broker_cluster_config"]["urls"]
    return {
        "TICKETFLOW_BROKER_URL": broker_url,
        "TICKETFLOW_DATABASE_URL": f"postgresql://ticketflow:{PASSWORD}@{database_server.id[:12]}:5432/{database_name}",
        **worker_settings,
    }


@dataclass(frozen=True)
class Plant:
    """A worker at work, with its broker and its database.

    Attributes:
        setup: pytest-celery's handle on all of it.
        database_url: Its database, from outside.
    """

    setup: CeleryTestSetup
    database_url: str

    @property
    def worker(self) -> CeleryTestWorker:
        """The worker the setup has made."""
        return self.setup.worker

    def submit(self, count: int) -> list[UUID]:
        """Store tickets, as the API does; the workers' dispatchers find them."""
        engine = build_engine(self.database_url)
        sessions = build_session_factory(engine)
        new = NewTicket("Password", "How do I reset my password?")
        ids = [submit_ticket(sessions, DEFAULT_TENANT, new, ticket_plan().order[0]).ticket_id for _ in range(count)]
        engine.dispose()
        return ids

    @contextmanager
    def commits_held(self) -> Iterator[None]:
        """Let steps begin and none of them end, for as long as the block lasts."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("LOCK TABLE ticket_steps IN SHARE MODE")
            yield

    def query(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement, values).fetchall()

    def count(self, event: str) -> int:
        """Count events of a type, of all tickets."""
        return self.query("SELECT count(*) FROM ticket_events WHERE type = %s", event)[0][0]

    def wait_for_started(self, count: int = 1) -> None:
        """Wait until so many steps are under way, or were."""
        wait_until(lambda: self.count("step.started") >= count, 60, lambda: f"a step starts; {self.worker.logs()}")

    def wait_for_completed(self, ids: Sequence[UUID]) -> None:
        """Wait until tickets are completed, and judge their trails: nothing lost, nothing twice."""
        done = "SELECT count(*) = %s FROM tickets WHERE id = ANY(%s) AND status = 'completed'"
        wait_until(lambda: self.query(done, len(ids), list(ids))[0][0], 90, lambda: self.worker.logs()[-3000:])
        trail = "SELECT type, step, round, detail FROM ticket_events WHERE ticket_id = %s ORDER BY id"
        flaws = {each: walk([Event(*row) for row in self.query(trail, each)], "completed") for each in ids}
        assert not any(flaws.values()), flaws

    def stop(self, by: signal.Signals) -> None:
        """Send a signal to the worker; it is not waited for."""
        self.worker.kill(by.name)

    def is_running(self) -> bool:
        """Tell whether the worker has not ended yet."""
        self.worker.container.reload()
        return self.worker.container.status == "running"

    def wait_for_exit(self) -> int:
        """Return the worker's exit code, once it has ended."""
        wait_until(lambda: not self.is_running(), 60, "the worker ends")
        return self.worker.container.attrs["State"]["ExitCode"]


@pytest.fixture
def plant(celery_setup, database_server, database_name) -> Plant:
    """Give a plant whose worker consumes."""
    assert celery_setup.ready()
    return Plant(celery_setup, _build_url(database_server, database_name))
