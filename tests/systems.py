"""The whole system as its users run it, once on the embedded default and once on the real servers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.harness.processes import find_free_port, run_module, start_api, start_process, start_worker
from tests.harness.rabbitmq import RabbitMQ
from ticketflow.services.keys import create_key
from ticketflow.storage.embedded import embedded_url
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

WAIT_S = 60
# Of webhooks, on this machine.
ALLOW_RECEIVERS = {"TICKETFLOW_WEBHOOK_ALLOW_PRIVATE": "true"}


@dataclass(frozen=True)
class System:
    """A running Ticket Flow.

    Attributes:
        client: Speaks to its API with a valid key.
        database_url: Its database, to look behind the API's back.
        env: What a command line needs to reach it.
    """

    client: httpx.Client
    database_url: str
    env: dict[str, str]

    def submit(self, **fields) -> str:
        """Post a ticket; return its id."""
        answer = self.client.post("/tickets", json={"subject": "Hello", "body": "Is anybody there?", **fields})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def wait(self, ticket_id: str, expected: str = "completed") -> dict:
        """Return the ticket when it has ended, as it should."""
        ticket = self.client.get(f"/tickets/{ticket_id}", params={"wait": WAIT_S}).raise_for_status().json()
        assert ticket["status"] == expected, ticket
        return ticket

    def events(self, ticket_id: str) -> list[dict]:
        """Return the ticket's whole trail."""
        answer = self.client.get(f"/tickets/{ticket_id}/events", params={"limit": 200})
        return answer.raise_for_status().json()["events"]


@pytest.fixture(scope="session")
def embedded_system(server_directory: Path) -> Iterator[System]:
    """Run ``ticketflow up`` on a folder and a port of its own."""
    data_dir, port = server_directory / "up", find_free_port()
    env = {"TICKETFLOW_DATA_DIR": str(data_dir), "TICKETFLOW_PORT": str(port), **ALLOW_RECEIVERS}
    command = [Path(sys.executable).with_name("ticketflow"), "up"]
    with start_process(command, env, server_directory / "up.log") as program:
        program.wait_for_log("Ctrl-C stops everything", timeout_s=120)
        key = (data_dir / "cli.key").read_text().strip()
        with new_client(port, key) as client:
            yield System(client, embedded_url(data_dir), env)


@pytest.fixture(scope="session")
def servers_system(
    new_database: Callable[[], AbstractContextManager[str]], rabbitmq_server: RabbitMQ, server_directory: Path
) -> Iterator[System]:
    """Run an API process and two workers on PostgreSQL and RabbitMQ."""
    with ExitStack() as stack:
        url = stack.enter_context(new_database())
        broker_url = rabbitmq_server.add_vhost("e2e")
        env = {"TICKETFLOW_DATABASE_URL": url, "TICKETFLOW_BROKER_URL": broker_url, **ALLOW_RECEIVERS}
        for name in ("one", "two"):
            worker = stack.enter_context(start_worker(env, name, server_directory / f"worker-{name}.log"))
            worker.wait_for_log("ready.")
        port = find_free_port()
        stack.enter_context(start_api(env, port, server_directory / "api.log"))
        engine = build_engine(url)
        key = create_key(build_session_factory(engine), "e2e", DEFAULT_TENANT)
        engine.dispose()
        yield System(stack.enter_context(new_client(port, key)), url, env | {"TICKETFLOW_API_KEY": key})


@pytest.fixture(params=["embedded", "servers"])
def system(request) -> System:
    """Give each kind of system in turn."""
    return request.getfixturevalue(f"{request.param}_system")


def new_client(port: int, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=WAIT_S + 10)


def run_celery(system: System, *args: str) -> str:
    """Run a Celery command against a system; return what it printed."""
    done = run_module("celery", ["-A", "ticketflow.tasks", *args], system.env)
    done.check_returncode()
    return done.stdout
