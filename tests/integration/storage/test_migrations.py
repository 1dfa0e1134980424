"""Migrations beside a live system: none stops it, all of them give way to it."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.harness.postgres import Postgres
from tests.harness.wait import wait_until
from ticketflow.errors import MigrationError
from ticketflow.storage.migrate import build_config, check, upgrade
from ticketflow.storage.migration_run import run_patiently

# What a system may be upgraded from while it runs.
FIRST = "0002"
OLDEST_POSTGRES = "14.0"
REVISIONS = [
    script.revision
    for script in ScriptDirectory.from_config(build_config("")).iterate_revisions("head", FIRST)
    if script.revision != FIRST
]
# Rules we do not follow.
EXCLUDED = {
    "prefer-bigint-over-int": "versions, rounds and other counters of one thing end long before two thousand million",
    "prefer-bigint-over-smallint": "the same, and places in a short list",
    "prefer-robust-stmts": "IF NOT EXISTS would keep an invalid index; build_index drops what is there instead",
}
# Statements that break a rule, and why they may.
ALLOWED = {
    ("0003", "ban-drop-constraint"): "the same statement puts a stricter one in its place; no version before breaks it",
    ("0011", "ban-drop-constraint"): "a wider one takes its place: whatever a version before writes passes it",
}
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
NEW_TICKET = "INSERT INTO tickets (id, subject, body, state, wake_at) VALUES (gen_random_uuid(), 'a', 'b', '{}', now())"
CUT_OFF_BLOCKED = """
    SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
ARTICLES = 2000
POPULATE = f"""
    INSERT INTO articles (id, title, body)
    SELECT gen_random_uuid(), 'a', repeat('b', 1000) FROM generate_series(1, {ARTICLES});
    INSERT INTO tickets (id, subject, body, state, wake_at)
    SELECT gen_random_uuid(), 'a', 'b', '{{}}', now() FROM generate_series(1, 5000);
    INSERT INTO idempotency_keys (tenant, caller, key, request_sha256, ticket_id)
    SELECT tenant, 'a', id, '', id FROM tickets;
"""
CHANGE_TICKET = "UPDATE tickets SET version = version + 1 WHERE id = (SELECT id FROM tickets LIMIT 1)"
# A migration that waits for a lock gives way before this.
LONGEST_WAIT = "4s"
INVALID_INDEX = """
    CREATE INDEX ix_tickets_forked_from ON tickets (subject);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_tickets_forked_from'::regclass;
"""


def print_sql(revision: str) -> str:
    """Return the SQL of one migration as ``alembic upgrade --sql`` prints it."""
    before = ScriptDirectory.from_config(build_config("")).get_revision(revision).down_revision
    with redirect_stdout(StringIO()) as sql:
        command.upgrade(build_config(""), f"{before}:{revision}", sql=True)
    return sql.getvalue()


def judge(sql: str) -> set[str]:
    """Return the rules of squawk that SQL breaks."""
    squawk = Path(sys.executable).with_name("squawk")
    excluded = [f"--exclude={rule}" for rule in EXCLUDED]
    done = subprocess.run(
        [squawk, "--reporter=json", f"--pg-version={OLDEST_POSTGRES}", *excluded],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return {found["rule_name"] for found in json.loads(done.stdout)}


@contextmanager
def new_database(server: Postgres):
    """Give the URL of a database that no migration has run on."""
    name = f"live_{uuid4().hex}"
    server.execute("CREATE DATABASE {}", name)
    yield server.build_url(name)
    server.execute("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def live_url(postgres_server: Postgres):
    """Give the URL of a database as the first version that may be upgraded while it runs left it."""
    with new_database(postgres_server) as url:
        upgrade(url, FIRST)
        yield url


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@contextmanager
def writing(url: str):
    """Write tickets all the while; give the list of what was written so far."""
    written: list[str] = []
    is_over = threading.Event()

    def write() -> None:
        with connect(url) as connection:
            connection.execute(f"SET lock_timeout = '{LONGEST_WAIT}'")
            while not is_over.is_set():
                connection.execute(NEW_TICKET)
                written.append(connection.execute(CHANGE_TICKET).statusmessage)

    with ThreadPoolExecutor(1) as thread:
        writer = thread.submit(write)
        yield written
        is_over.set()
        writer.result()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_migration_stops_nobody(revision):
    allowed = {rule for where, rule in ALLOWED if where == revision}

    assert judge(print_sql(revision)) == allowed


def test_a_migration_that_would_stop_everybody_is_noticed():
    quick = "SET lock_timeout = '2s'; SET statement_timeout = '30s';"

    assert judge(f"{quick} CREATE INDEX ix ON tickets (channel);") == {"require-concurrent-index-creation"}
    assert judge(f"{quick} ALTER TABLE tickets ADD CHECK (version > 1);") >= {"constraint-missing-not-valid"}
    assert judge(f"{quick} ALTER TABLE tickets DROP COLUMN channel;") == {"ban-drop-column"}
    assert "require-lock-timeout" in judge("ALTER TABLE tickets ADD COLUMN note text;")


def test_tickets_are_written_while_migrations_run_over_tables_that_are_full(live_url):
    with connect(live_url) as connection:
        connection.execute(POPULATE)

    with writing(live_url) as written:
        upgrade(live_url)
        before = len(written)
        wait_until(lambda: len(written) > before > 0, 10, "tickets are written")

    check(live_url)


@pytest.fixture
def copying(live_url):
    """Migrate a full database, up to where the copy of articles waits for whoever edits one; give the end of both."""
    with ThreadPoolExecutor(1) as thread, connect(live_url) as editor:
        editor.execute(POPULATE)
        editor.execute("BEGIN")
        editor.execute("SELECT FROM articles FOR UPDATE")
        migration = thread.submit(upgrade, live_url)
        with connect(live_url) as watcher:
            wait_until(lambda: watcher.execute(BLOCKED).fetchone() != (0,), 30, "the copy waits for the editor")
        yield editor, migration


def count_versions(url: str) -> int:
    with connect(url) as connection:
        return connection.execute("SELECT count(*) FROM article_versions").fetchone()[0]


def test_tickets_are_written_while_articles_are_copied(live_url, copying):
    editor, migration = copying
    with connect(live_url) as writer:
        writer.execute("SET lock_timeout = '200ms'")
        writer.execute(NEW_TICKET)
    editor.execute("COMMIT")
    migration.result()

    check(live_url)
    assert count_versions(live_url) == ARTICLES


def test_articles_whose_copy_was_cut_off_are_copied_again(live_url, copying):
    editor, migration = copying
    editor.execute(CUT_OFF_BLOCKED)
    with pytest.raises(MigrationError, match="INSERT INTO article_versions"):
        migration.result()
    editor.execute("COMMIT")

    upgrade(live_url)

    check(live_url)
    assert count_versions(live_url) == ARTICLES


def test_a_migration_gives_way_to_whoever_uses_its_table(live_url):
    with connect(live_url) as reader, connect(live_url) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tickets")
        migrating = threading.Thread(target=upgrade, args=(live_url,))
        migrating.start()
        wait_until(lambda: writer.execute(BLOCKED).fetchone() != (0,), 30, "the migration waits for the reader")
        writer.execute("SET statement_timeout = '20s'")
        writer.execute(NEW_TICKET)
        reader.execute("COMMIT")
        migrating.join()

    check(live_url)


def test_an_index_that_could_not_be_finished_is_built_anew(live_url):
    with connect(live_url) as connection:
        connection.execute(INVALID_INDEX)

    upgrade(live_url)

    check(live_url)
    with connect(live_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone() == (0,)


def test_several_at_once_wait_for_each_other(postgres_server: Postgres):
    with new_database(postgres_server) as url:
        upgrades = [
            subprocess.Popen(
                [Path(sys.executable).with_name("ticketflow"), "db", "upgrade"],
                env={**os.environ, "TICKETFLOW_DATABASE_URL": url},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        said = [each.communicate(timeout=60)[0] for each in upgrades]

        assert said == ["the database is up to date\n"] * 2
        check(url)


def test_whoever_holds_a_table_for_too_long_is_looked_for(database_url):
    engine = create_engine(database_url)
    with connect(database_url) as holder, engine.connect() as connection:
        holder.execute("BEGIN; LOCK TABLE tickets")

        with pytest.raises(MigrationError, match="pg_stat_activity"):
            run_patiently(connection, lambda: connection.execute(text("ALTER TABLE tickets ADD note text")), 0)

        holder.execute("COMMIT")
    engine.dispose()


def test_a_statement_that_takes_too_long_is_named(database_url):
    engine = create_engine(database_url)

    def take_long() -> None:
        connection.execute(text("SET LOCAL statement_timeout = 10"))
        connection.execute(text("SELECT pg_sleep(60)"))

    with engine.connect() as connection, pytest.raises(MigrationError, match=r"pg_sleep"):
        run_patiently(connection, take_long)
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "kind"), [("SELECT 1 FROM nowhere", ProgrammingError), ("BREAK", OperationalError)]
)
def test_any_other_error_is_told_as_it_is(database_url, statement, kind):
    engine = create_engine(database_url)

    def fail() -> None:
        if statement == "BREAK":
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        connection.execute(text(statement))

    with pytest.raises(kind), engine.connect() as connection:
        run_patiently(connection, fail)
    engine.dispose()
