"""Servers and databases for the tests; a server starts when the first test asks for it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.harness.postgres import MissingServerError, Postgres
from tests.harness.rabbitmq import RabbitMQ
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_engine, build_session_factory

pytest_plugins = ["tests.systems"]

TEMPLATE = "ticketflow_template"


def pytest_configure() -> None:
    """Keep the tests from a developer's own settings and data."""
    hypothesis.settings.register_profile("ticketflow", deadline=None)  # a timing is never an assertion
    hypothesis.settings.load_profile("ticketflow")
    for name in [name for name in os.environ if name.startswith("TICKETFLOW_")]:
        del os.environ[name]
    os.environ["TICKETFLOW_DATA_DIR"] = tempfile.mkdtemp(prefix="ticketflow-data-")


def pytest_unconfigure() -> None:
    """Remove what the tests left in their data folder."""
    shutil.rmtree(os.environ["TICKETFLOW_DATA_DIR"], ignore_errors=True)


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Make a folder for servers, beside pytest's own: those are closed to the account PostgreSQL runs as."""
    directory = Path(tempfile.mkdtemp(prefix="ticketflow-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_server(server_directory: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL server for the whole session. A test that stops it starts it again."""
    with _exit_if_missing():
        server = Postgres(server_directory / "postgres")
        if port := os.environ.get("TESTS_POSTGRES_PORT"):  # many short sessions share one: tests.mutants
            server.port = int(port)
        else:
            server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq_server(server_directory: Path) -> Iterator[RabbitMQ]:
    """Run a RabbitMQ server for the whole session. A test that stops it starts it again."""
    with _exit_if_missing():
        server = RabbitMQ(server_directory / "rabbitmq")
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def new_database(postgres_server: Postgres) -> Callable[[], contextlib.AbstractContextManager[str]]:
    """Return a context manager that makes an empty, migrated database, gives its URL, and drops it afterwards.

    ``database_url`` is enough for most tests; a module that shares one database wraps this in a fixture of its own.
    """
    if not postgres_server.ask("SELECT true FROM pg_database WHERE datname = %s", TEMPLATE):
        postgres_server.execute("CREATE DATABASE {}", TEMPLATE)
        upgrade(postgres_server.build_url(TEMPLATE))

    @contextlib.contextmanager
    def make_database() -> Iterator[str]:
        name = f"test_{uuid4().hex}"
        postgres_server.execute("CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
        try:
            yield postgres_server.build_url(name)
        finally:
            postgres_server.execute("DROP DATABASE {} WITH (FORCE)", name)

    return make_database


@pytest.fixture
def database_url(new_database: Callable[[], contextlib.AbstractContextManager[str]]) -> Iterator[str]:
    """Give the URL of a migrated database of this test alone."""
    with new_database() as url:
        yield url


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    """Give a session factory on a migrated database of this test alone."""
    engine = build_engine(database_url)
    yield build_session_factory(engine)
    engine.dispose()


@pytest.fixture
def broker_url(rabbitmq_server: RabbitMQ) -> Iterator[str]:
    """Give the URL of a virtual host of this test alone."""
    vhost = f"test-{uuid4().hex}"
    yield rabbitmq_server.add_vhost(vhost)
    rabbitmq_server.delete_vhost(vhost)


@contextlib.contextmanager
def _exit_if_missing() -> Iterator[None]:
    """End the session, rather than skip a test, when a server cannot be had."""
    try:
        yield
    except MissingServerError as error:
        pytest.exit(f"cannot go on: {error}", returncode=1)
