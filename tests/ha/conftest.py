from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.network import Machine, Network, NoNetworkError

BROKERS = 3
DATABASES = 2


@pytest.fixture(scope="session")
def machines() -> Iterator[list[Machine]]:
    """Connect machines: three for the broker, then two for the database."""
    names = [f"mq{number}" for number in range(BROKERS)] + [f"db{number}" for number in range(DATABASES)]
    try:
        with Network() as network:
            yield [network.add(name) for name in names]
    except NoNetworkError as error:
        pytest.exit(f"cannot go on: {error}", returncode=1)


@pytest.fixture
def folder(server_directory: Path, tmp_path: Path) -> Path:
    """Give a folder that the account PostgreSQL runs as may enter."""
    return server_directory / tmp_path.name
