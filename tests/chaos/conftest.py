"""Servers for the chaos tests alone: they are killed again and again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Servers, Setup, Site
from tests.harness.postgres import Postgres
from tests.harness.rabbitmq import RabbitMQ


@pytest.fixture(scope="session")
def servers(server_directory: Path) -> Iterator[Servers]:
    """Run a PostgreSQL and a RabbitMQ server that nobody else uses."""
    folder = server_directory / "chaos"
    with Postgres(folder / "postgres") as postgres, RabbitMQ(folder / "rabbitmq") as rabbitmq:
        servers = Servers(postgres, rabbitmq)
        servers.prepare()
        yield servers


@pytest.fixture
def new_site(servers: Servers, tmp_path: Path) -> Callable[[Setup], Site]:
    """Return a maker of sites, each to be run in a ``with`` block."""
    return lambda setup: Site(servers, tmp_path, setup)
