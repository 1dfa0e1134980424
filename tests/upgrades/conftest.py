"""The releases to upgrade from and to, and servers for them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.harness.postgres import Postgres
from tests.upgrades.releases import MissingHistoryError, Release, check_out_previous
from tests.upgrades.rollout import Rollout

MEASURED = "upgrade_*.py"


@pytest.fixture(scope="session")
def previous(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Give the release before this one; `make upgrade-test` ends where it cannot be had."""
    try:
        return check_out_previous(tmp_path_factory.mktemp("releases"))
    except MissingHistoryError as error:
        if any(test.path.match(MEASURED) for test in request.session.items):
            pytest.exit(f"cannot go on: {error}", returncode=1)
        pytest.skip(str(error))


@pytest.fixture
def rollout(
    request: pytest.FixtureRequest, postgres_server: Postgres, broker_url: str, tmp_path: Path
) -> Iterator[Rollout]:
    """Give servers without a schema, and nothing that runs on them."""
    name = f"upgrade_{uuid4().hex}"
    postgres_server.execute("CREATE DATABASE {}", name)
    with ExitStack() as stack:
        stack.callback(postgres_server.execute, "DROP DATABASE {} WITH (FORCE)", name)
        gives_way = request.path.match(MEASURED)
        yield Rollout(postgres_server.build_url(name), broker_url, tmp_path, stack, gives_way=gives_way)
