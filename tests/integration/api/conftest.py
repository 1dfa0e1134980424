import pytest

from tests.served import Served, serve_one_database


@pytest.fixture
def api(sessions) -> Served:
    """Serve a database of this test alone."""
    return Served(sessions)


@pytest.fixture(scope="module")
def empty(new_database):
    """Serve a database that the module's tests share and leave empty."""
    with serve_one_database(new_database) as served:
        yield served
