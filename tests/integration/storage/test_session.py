"""A session is as the product needs it, whatever database, role, URL and environment say."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from tests.harness.postgres import USER, Postgres
from ticketflow.database_url import read_database_url
from ticketflow.errors import MigrationError
from ticketflow.storage.migrate import SchemaAge, check, find_schema_age, upgrade
from ticketflow.storage.models import Pause
from ticketflow.storage.session import build_engine, build_session_factory, build_statement_sessions, limit_statements
from ticketflow.storage.session_settings import was_refused

# Each is somebody's: a limit for reports, a German or American habit, a test of planners, a driver that is old.
HOSTILE = {
    "TimeZone": "Europe/Berlin",
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "statement_timeout": "1",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    "extra_float_digits": "-15",
    "synchronous_commit": "off",
    "jit": "on",
}
NEEDED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "transaction_isolation": "read committed",
    "statement_timeout": "30s",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "extra_float_digits": "1",
    "synchronous_commit": "on",
    "jit": "off",
}


@pytest.fixture
def empty_url(postgres_server: Postgres) -> Iterator[str]:
    """Give the URL of a database without tables."""
    name = f"empty_{uuid4().hex}"
    postgres_server.execute("CREATE DATABASE {}", name)
    yield postgres_server.build_url(name)
    postgres_server.execute("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def new_sessions():
    """Make sessions on a URL; arguments are as for ``build_engine``."""
    engines = []

    def make(url: str, build=build_session_factory, **how):
        engines.append(build_engine(url, **how))
        return build(engines[-1])

    yield make
    for engine in engines:
        engine.dispose()


def read_settings(sessions) -> dict[str, str]:
    with sessions.begin() as session:
        return {name: session.scalar(text("SELECT current_setting(:name)"), {"name": name}) for name in NEEDED}


def set_defaults(server: Postgres, url: str, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        server.execute("ALTER DATABASE {} SET {} = {}", read_database_url(url)["dbname"], name, value)


@pytest.mark.parametrize("build", [build_session_factory, build_statement_sessions])
def test_the_defaults_of_a_database_change_no_session(postgres_server, database_url, new_sessions, build):
    set_defaults(postgres_server, database_url, HOSTILE)

    assert read_settings(new_sessions(database_url, build)) == NEEDED


def test_the_environment_of_libpq_changes_no_session(database_url, new_sessions, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", " ".join(f"-c {name}={value}" for name, value in HOSTILE.items()))
    monkeypatch.setenv("PGTZ", "Europe/Berlin")
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGAPPNAME", "somebody")

    assert read_settings(new_sessions(database_url)) == NEEDED


def test_the_options_of_a_url_change_no_session_and_are_kept_else(database_url, new_sessions):
    sessions = new_sessions(f"{database_url}?options=-cstatement_timeout%3D1%20-c%20work_mem%3D1234kB")

    assert read_settings(sessions) == NEEDED
    with sessions() as session:
        assert session.scalar(text("SHOW work_mem")) == "1234kB"


def test_how_far_a_standby_has_to_be_is_the_operators_to_say(postgres_server, database_url, new_sessions):
    set_defaults(postgres_server, database_url, {"synchronous_commit": "remote_write"})

    assert read_settings(new_sessions(database_url))["synchronous_commit"] == "remote_write"


def test_a_session_is_limited_as_its_engine_says_and_a_transaction_as_it_says(database_url, new_sessions):
    limits = {"statement_timeout": timedelta(seconds=5), "lock_timeout": timedelta(seconds=2)}
    sessions = new_sessions(database_url, **limits)

    found = read_settings(sessions)

    assert (found["statement_timeout"], found["lock_timeout"]) == ("5s", "2s")
    with sessions.begin() as session:
        limit_statements(session, timedelta(milliseconds=70))
        assert session.scalar(text("SHOW statement_timeout")) == "70ms"


@pytest.mark.parametrize(
    "where", ["options=-csearch_path%3D{}", "options=-c%20search_path={}", "schema={}", "PGOPTIONS"]
)
def test_every_command_looks_at_the_schema_that_is_asked_for(
    postgres_server, empty_url, new_sessions, monkeypatch, where
):
    schema = "shop floor" if where == "schema={}" else "shop"
    with new_sessions(empty_url).begin() as session:
        session.execute(text(f'CREATE SCHEMA "{schema}"'))
    url = empty_url if where == "PGOPTIONS" else f"{empty_url}?{where.format(schema).replace(' ', '%20')}"
    if where == "PGOPTIONS":
        monkeypatch.setenv("PGOPTIONS", f"-c search_path={schema}")

    upgrade(url)

    check(url)
    sessions = new_sessions(url)
    assert find_schema_age(sessions.kw["bind"]) is SchemaAge.CURRENT
    with sessions() as session:
        places = session.scalars(
            text("SELECT schemaname FROM pg_tables WHERE tablename IN ('tickets', 'alembic_version')")
        )
        assert places.all() == [schema, schema]


def test_a_schema_that_is_not_there_is_refused_in_words(empty_url):
    with pytest.raises(MigrationError, match="no schema to make tables in"):
        upgrade(f"{empty_url}?schema=nowhere")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_can_not_hold_every_language_is_refused_in_words(postgres_server, encoding):
    name = f"narrow_{uuid4().hex}"
    make = "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    postgres_server.execute(make, name, encoding)
    try:
        with pytest.raises(OperationalError, match=f"the database's encoding is {encoding}") as refusal:
            upgrade(postgres_server.build_url(name))
    finally:
        postgres_server.execute("DROP DATABASE {} WITH (FORCE)", name)

    assert was_refused(refusal.value)


def test_every_spelling_reaches_the_same_database(postgres_server, database_url, new_sessions, monkeypatch, tmp_path):
    where = conninfo_to_dict(database_url.replace("+psycopg", ""))
    place, name = f"{where['host']}:{where['port']}", where["dbname"]
    services = tmp_path / "services"
    services.write_text("[ours]\n" + "".join(f"{key}={value}\n" for key, value in where.items()))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    spellings = [
        f"postgres://{USER}@{place}/{name}",
        f"postgresql://{USER}:unasked@{place}/{name}?sslmode=prefer&channel_binding=prefer",
        f"postgresql+psycopg2://{USER}@/{name}?host={where['host']}&port={where['port']}",
        f"postgresql+psycopg2://{USER}@/{name}?host={place}&host={place}",
        f"postgresql://{USER}@127.0.0.1:1,{place}/{name}",
        f"postgresql://{USER}@{place},{place}/{name}?target_session_attrs=any",
        "postgresql://?service=ours",
        make_conninfo(**where),
        f"dbname={name} service=ours",
        f"postgresql://{USER}@{place}/{name}?passfile=/nowhere&connect_timeout=5",
    ]

    for spelling in spellings:
        with new_sessions(spelling)() as session:
            assert session.scalar(text("SELECT current_database()")) == name, spelling
    for key, value in where.items():
        monkeypatch.setenv({"dbname": "PGDATABASE"}.get(key, f"PG{key.upper()}"), str(value))
    with new_sessions("postgresql://")() as session:
        assert session.scalar(text("SELECT current_database()")) == name


def test_a_limit_of_less_than_a_millisecond_is_one_and_not_none(database_url, new_sessions):
    with new_sessions(database_url).begin() as session:
        limit_statements(session, timedelta(microseconds=1))

        with pytest.raises(OperationalError, match="statement timeout"):
            session.execute(text("SELECT pg_sleep(60)"))


def test_the_limit_of_a_transaction_ends_with_it(database_url, new_sessions):
    sessions = new_sessions(database_url, pool_size=1)
    with sessions.begin() as session:
        limit_statements(session, timedelta(seconds=5))

    assert read_settings(sessions)["statement_timeout"] == "30s"


def test_a_use_case_of_one_statement_has_no_transaction_around_it(database_url, new_sessions):
    with new_sessions(database_url, build_statement_sessions)() as session:
        numbers = {session.scalar(text("SELECT CAST(pg_current_xact_id() AS text)")) for _ in range(2)}

    assert len(numbers) == 2


def test_a_connection_that_was_lost_while_nobody_used_it_is_made_anew(postgres_server, database_url, new_sessions):
    sessions = new_sessions(database_url)
    with sessions() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    postgres_server.ask("SELECT pg_terminate_backend(%s, 10000)", pid)

    with sessions() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid


def test_what_a_statement_is_given_is_in_no_error(database_url, new_sessions):
    with new_sessions(database_url)() as session, pytest.raises(DBAPIError) as refusal:
        session.execute(text("SELECT CAST(:words AS text) || 1 / 0"), {"words": "SECRET"})

    assert "SECRET" not in str(refusal.value)


def test_what_was_stored_can_be_read_after_the_transaction(database_url, new_sessions):
    with new_sessions(database_url).begin() as session:
        pause = Pause(tenant="t", step="read", reason="why")
        session.add(pause)

    assert pause.reason == "why"


class NotAskedError(Exception):
    """Nobody is to be reached."""


@pytest.fixture
def read_parameters():
    """Return what libpq would be told."""

    def read(url: str, **how) -> dict:
        engine = build_engine(url, **how)
        seen = {}

        @event.listens_for(engine, "do_connect")
        def see(_dialect, _record, _args, parameters):
            seen.update(parameters)
            raise NotAskedError

        with pytest.raises(NotAskedError):
            engine.connect()
        del seen["context"]  # the driver's own
        return seen

    return read


def test_a_dead_peer_is_found_and_nobody_waits_for_ever_to_be_let_in(read_parameters):
    assert read_parameters("postgresql://shop.example/t", name="worker") == {
        "host": "shop.example",
        "dbname": "t",
        "connect_timeout": 3,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
        "application_name": "worker",
        "client_encoding": "UTF8",
    }


def test_what_a_url_says_counts_but_for_the_name_and_the_encoding(read_parameters):
    said = "connect_timeout=9&keepalives_idle=1&tcp_user_timeout=7&application_name=x&client_encoding=LATIN1"

    found = read_parameters(f"postgresql://shop.example/t?{said}")

    assert (found["connect_timeout"], found["keepalives_idle"], found["tcp_user_timeout"]) == ("9", "1", "7")
    assert (found["application_name"], found["client_encoding"]) == ("ticketflow", "UTF8")


def test_whoever_is_to_answer_sooner_is_let_in_sooner(read_parameters):
    found = read_parameters("postgresql://shop.example/t", statement_timeout=timedelta(seconds=2))

    assert found["connect_timeout"] == 2


def test_the_environment_may_say_how_long_to_wait_to_be_let_in(read_parameters, monkeypatch):
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "9")

    assert "connect_timeout" not in read_parameters("postgresql://shop.example/t")


def test_as_many_connections_again_are_made_under_load_and_no_more():
    pool = build_engine("postgresql://shop.example/t", pool_size=2).pool

    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow) == (2, 2)  # noqa: SLF001  # five would wait for half a minute


def test_a_wrong_password_is_in_no_word_of_a_command(postgres_server, tmp_path):
    """The rules of the tests' server ask for none, so the role is the one that isn't there."""
    env = os.environ | {
        "TICKETFLOW_DATABASE_URL": f"postgresql://nobody:SECRET@127.0.0.1:{postgres_server.port}/postgres"
    }
    commands = [["--debug", "db", "check"], ["--debug", "db", "upgrade"], ["doctor"]]

    for command in commands:
        done = subprocess.run(
            [Path(sys.executable).with_name("ticketflow"), *command],
            env=env | {"TICKETFLOW_LOG_LEVEL": "debug", "TICKETFLOW_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 1
        assert 'role "nobody" does not exist' in said
        assert "SECRET" not in said
        assert "pg_ctl" not in said, "the server is there"
