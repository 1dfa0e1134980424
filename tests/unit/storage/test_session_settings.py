"""What a session is made like, as far as no server is needed to tell."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError

from ticketflow.storage.session_settings import SessionSettings, UnfitDatabaseError, read_reason, was_refused

LIMITS = (timedelta(seconds=1.5), timedelta(milliseconds=20))


class Server:
    """A connection to PostgreSQL, or by way of a pooler, that remembers what it is asked."""

    def __init__(self, version: int = 150_000, encoding: str = "UTF8", *, is_direct: bool = True) -> None:
        self.info = SimpleNamespace(server_version=version, backend_pid=7, parameter_status=lambda _: encoding)
        self.autocommit = False
        self.prepare_threshold: int | None = 5
        self.is_closed = False
        self.cancels = 0
        self.asked: list[tuple[str, Any, bool]] = []
        self._is_direct = is_direct

    def execute(self, statement: str, values: Any = None) -> Any:
        self.asked.append((statement, values, self.autocommit))
        if self.cancels:
            self.cancels -= 1
            raise QueryCanceled("canceling statement due to statement timeout")
        return SimpleNamespace(fetchone=lambda: (self._is_direct, 12))

    def close(self) -> None:
        self.is_closed = True


def prepare(server: Server, **parameters: str) -> dict[str, Any]:
    """Prepare a connection as an engine does; return what is known of it."""
    record = SimpleNamespace(info={})
    SessionSettings.split(parameters, *LIMITS)[0]._prepare(server, record)  # noqa: SLF001
    return record.info


def test_a_url_is_divided_into_a_session_s_settings_and_what_libpq_knows():
    settings, libpq = SessionSettings.split({"host": "a", "pgbouncer": "false", "schema": 'a "b'}, *LIMITS)

    assert libpq == {"host": "a"}
    assert settings.needed["search_path"] == '"a ""b"'
    assert (settings.needed["statement_timeout"], settings.needed["lock_timeout"]) == ("1500", "20")
    assert not settings.is_pooled


def test_without_a_schema_the_search_path_is_somebody_else_s():
    assert "search_path" not in SessionSettings.split({}, *LIMITS)[0].needed


@pytest.mark.parametrize(("version", "has_limit"), [(169_999, False), (170_000, True)])
def test_a_limit_that_only_newer_servers_know_is_lifted_there_alone(version, has_limit):
    server = Server(version)

    prepare(server)

    ((_, (pid, names, values, again), _),) = server.asked
    assert (pid, again) == (7, 7)
    assert ("transaction_timeout" in names) is has_limit
    assert len(names) == len(values)


@pytest.mark.parametrize("is_direct", [True, False])
def test_a_connection_is_asked_outside_of_any_transaction_who_answers(is_direct):
    server = Server(is_direct=is_direct)

    assert prepare(server) == {"pooled": not is_direct}
    assert [autocommit for _, _, autocommit in server.asked] == [True]
    assert (server.autocommit, server.is_closed) == (False, False)
    assert server.prepare_threshold == (5 if is_direct else None)


def test_a_url_that_speaks_of_a_pooler_is_believed():
    server = Server()

    prepare(server, pgbouncer="true")

    ((_, (pid, *_), _),) = server.asked
    assert pid == 0


def test_a_limit_too_short_for_the_first_question_is_lifted_for_it():
    server = Server()
    server.cancels = 1

    prepare(server)

    assert [statement for statement, _, _ in server.asked][1] == "SET statement_timeout = 0"
    assert server.asked[2] == server.asked[0]


@pytest.mark.parametrize(
    ("server", "cancels", "error"),
    [(Server(encoding="LATIN1"), 0, UnfitDatabaseError), (Server(), 3, QueryCanceled)],
    ids=["unfit", "too slow"],
)
def test_a_connection_that_comes_to_nothing_is_closed(server, cancels, error):
    server.cancels = cancels

    with pytest.raises(error):
        prepare(server)

    assert server.is_closed


def test_the_reason_is_what_the_database_said_in_one_line():
    said = psycopg.OperationalError("\n no such role\nDETAIL: more\n")

    assert read_reason(said) == "no such role"
    assert read_reason(OperationalError("SELECT 1", None, said)) == "no such role"


@pytest.mark.parametrize(
    ("cause", "refused"),
    [
        (psycopg.OperationalError('connection failed: FATAL:  role "nobody" does not exist'), True),
        (UnfitDatabaseError("the database's encoding is LATIN1"), True),
        (psycopg.OperationalError("connection refused"), False),
    ],
)
def test_who_says_no_is_there(cause, refused):
    assert was_refused(cause) is refused
    assert was_refused(OperationalError("SELECT 1", None, cause)) is refused
