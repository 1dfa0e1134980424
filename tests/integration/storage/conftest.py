from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ticketflow.storage.session import build_engine


@pytest.fixture(scope="session")
def engine(new_database) -> Iterator[Engine]:
    """Give a database that all tests of statements share, because none of them commits."""
    with new_database() as url:
        engine = build_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def session(engine) -> Iterator[Session]:
    """Give a transaction that is rolled back; ``now()`` stands still in it, so that a boundary can be hit exactly."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
