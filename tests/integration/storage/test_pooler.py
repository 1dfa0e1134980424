"""PgBouncer in between, as Debian ships it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from tests.harness.pgbouncer import PgBouncer
from tests.harness.postgres import Postgres
from tests.integration.storage.test_session import HOSTILE, NEEDED, read_settings, set_defaults
from tests.served import Served
from ticketflow.storage.migrate import check, upgrade
from ticketflow.storage.session import Sessions, build_engine, build_session_factory, build_statement_sessions
from ticketflow.storage.session_settings import was_refused

# The first statement of a transaction of ours has to fit in, whatever else the machine does.
POOLED_HOSTILE = HOSTILE | {"statement_timeout": "1h", "idle_in_transaction_session_timeout": "1h"}
TRANSACTIONS = 40


@pytest.fixture(scope="module")
def poolers(postgres_server: Postgres, server_directory: Path) -> Iterator[Callable[[str], PgBouncer]]:
    """Give the pooler of a mode."""
    with (
        PgBouncer(server_directory / "pooler-session", postgres_server, "session") as by_session,
        PgBouncer(server_directory / "pooler-transaction", postgres_server, "transaction", size=4) as by_transaction,
    ):
        yield {"session": by_session, "transaction": by_transaction}.__getitem__


@pytest.fixture
def database(postgres_server: Postgres) -> Iterator[str]:
    """Give the name of an empty database with hostile defaults."""
    name = f"pooled_{uuid4().hex}"
    postgres_server.execute("CREATE DATABASE {}", name)
    set_defaults(postgres_server, postgres_server.build_url(name), POOLED_HOSTILE)
    yield name
    postgres_server.execute("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(params=["session", "transaction"])
def url(request, poolers, database) -> str:
    """Give the URL of the empty database by way of a pooler of each mode."""
    return poolers(request.param).build_url(database)


@pytest.fixture
def sessions(url) -> Iterator[Sessions]:
    """Give sessions on the database, migrated by way of the pooler."""
    upgrade(url)
    engine = build_engine(url)
    yield build_session_factory(engine)
    engine.dispose()


def test_migrations_run_and_are_found_complete(url):
    upgrade(url)

    check(url)


@pytest.mark.parametrize("build", [build_session_factory, build_statement_sessions])
def test_every_transaction_has_the_settings_it_needs_and_leaves_none_to_others(sessions, url, build):
    ours = build(sessions.kw["bind"])
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as somebody, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_settings(ours), range(TRANSACTIONS)))
        theirs = {somebody.execute("SHOW lock_timeout").fetchone()[0] for _ in range(TRANSACTIONS)}

    assert found == [NEEDED] * TRANSACTIONS
    assert theirs == {"1ms"}


def test_tickets_are_taken_in_and_worked_off_by_many_at_once(sessions):
    api = Served(sessions)

    def run(number: int) -> tuple[int, str]:
        answer = api.post("/tickets", json={"subject": "Hello", "body": f"Number {number}?"})
        api.finish(answer.json["id"])
        return answer.status_code, api.get(f"/tickets/{answer.json['id']}").json["status"]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, range(TRANSACTIONS)))

    assert outcomes == [(202, "completed")] * TRANSACTIONS


def test_instants_are_in_utc_and_say_so(sessions):
    api = Served(sessions)

    assert api.submit()["created_at"].endswith(("Z", "+00:00"))


def test_a_pooler_that_hands_out_the_servers_own_process_ids_is_believed_to_be_one_when_the_url_says_so(database_url):
    engine = build_engine(f"{database_url}?pgbouncer=true")
    with engine.connect() as connection:
        assert connection.info == {"pooled": True}
        assert connection.connection.dbapi_connection.prepare_threshold is None
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "30s"
    engine.dispose()


def test_the_server_itself_is_asked_nothing_more_for_each_transaction(database_url):
    statements = []
    engine = build_engine(database_url)
    event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    for _ in range(2):
        with engine.begin() as connection:
            assert connection.info == {"pooled": False}
            connection.execute(text("SELECT 1"))

    assert statements == ["SELECT 1"] * 2
    engine.dispose()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_what_a_pooler_refuses_is_no_server_that_is_away(poolers, database, mode):
    url = f"{poolers(mode).build_url(database)}?options=-csearch_path%3Dpublic"
    engine = build_engine(url)

    with pytest.raises(OperationalError, match="options") as refusal, engine.connect():
        pass

    assert was_refused(refusal.value)
