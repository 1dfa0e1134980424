"""What a session is like, whatever database, role, service file and environment say; behind a pooler, too."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import psycopg
from psycopg.errors import QueryCanceled
from psycopg.sql import Identifier
from sqlalchemy import Connection, Engine, event

from ticketflow.database_url import POOLER, SCHEMA

_POOLED = "pooled"
_ENCODING = "UTF8"
# PostgreSQL 17 has one more limit that may have been set for others.
_TRANSACTION_TIMEOUT_SINCE = 170_000
# Only "off" breaks the promise of a 202; how far a standby has to be is the operator's to say.
_APPLY = """
    SELECT count(set_config(name, CASE WHEN name = 'synchronous_commit' AND current_setting(name) <> 'off'
        THEN current_setting(name) ELSE value END, {is_local}))
    FROM unnest(CAST(%s AS text[]), CAST(%s AS text[])) AS needed (name, value)
"""
_APPLY_TO_TRANSACTION = _APPLY.format(is_local="true")
_APPLY_TO_SESSION = _APPLY.format(is_local="false")
# One round trip for each new connection: who answers, and if it is PostgreSQL itself, its settings.
_PREPARE = f"SELECT pg_backend_pid() = %s, ({_APPLY_TO_SESSION} WHERE pg_backend_pid() = %s)"


class UnfitDatabaseError(psycopg.OperationalError):
    """The database can't hold what it is given; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """PostgreSQL's settings that the product relies on.

    A pooler in transaction mode gives each transaction another session, which others use in between: there the settings
    are made for each transaction, and nothing is prepared. A pooler hands out a process id that is not PostgreSQL's, by
    which it is known.

    Attributes:
        needed: The settings by their names.
        is_pooled: Whether the URL says that there is a pooler.
    """

    needed: dict[str, str]
    is_pooled: bool

    @classmethod
    def split(
        cls, parameters: dict[str, str], statement_timeout: timedelta, lock_timeout: timedelta
    ) -> tuple[Self, dict[str, Any]]:
        """Divide what a URL says into the settings of a session and libpq's parameters."""
        needed = {
            "TimeZone": "UTC",
            "DateStyle": "ISO, MDY",
            "IntervalStyle": "postgres",
            "standard_conforming_strings": "on",
            "transform_null_equals": "off",
            "default_transaction_isolation": "read committed",
            "statement_timeout": _count_ms(statement_timeout),
            "lock_timeout": _count_ms(lock_timeout),
            "idle_in_transaction_session_timeout": "0",
            "extra_float_digits": "1",
            "synchronous_commit": "on",
            "jit": "off",  # compiling what counts 100,000 live tickets takes longer than running it: 4 s
        }
        libpq: dict[str, Any] = {name: value for name, value in parameters.items() if name not in {POOLER, SCHEMA}}
        if SCHEMA in parameters:
            needed["search_path"] = Identifier(parameters[SCHEMA]).as_string()
        return cls(needed, parameters.get(POOLER) == "true"), libpq

    def keep(self, engine: Engine) -> None:
        """Make every session of an engine have these settings."""
        event.listen(engine, "connect", self._prepare, insert=True)  # before SQLAlchemy asks things of its own
        event.listen(engine, "begin", self._begin)

    def _prepare(self, connection: "psycopg.Connection[Any]", record: Any) -> None:
        try:
            _check_encoding(connection)
            is_autocommit, connection.autocommit = connection.autocommit, True
            record.info[_POOLED] = not self._apply_if_direct(connection)
            connection.autocommit = is_autocommit
        except BaseException:
            connection.close()
            raise
        if record.info[_POOLED]:
            connection.prepare_threshold = None

    def _apply_if_direct(self, connection: "psycopg.Connection[Any]") -> bool:
        pid = 0 if self.is_pooled else connection.info.backend_pid
        values = (pid, *self._list(connection), pid)
        try:
            row = connection.execute(_PREPARE, values).fetchone()
        except QueryCanceled:  # by a limit set for others, too short even for this
            connection.execute("SET statement_timeout = 0")
            row = connection.execute(_PREPARE, values).fetchone()
        return bool(row and row[0])

    def _begin(self, connection: Connection) -> None:
        if is_pooled(connection):
            raw: Any = connection.connection.dbapi_connection
            connection.exec_driver_sql(_APPLY_TO_TRANSACTION, self._list(raw))

    def _list(self, connection: "psycopg.Connection[Any]") -> tuple[list[str], list[str]]:
        needed = dict(self.needed)
        if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
            needed["transaction_timeout"] = "0"
        return list(needed), list(needed.values())


def is_pooled(connection: Connection) -> bool:
    """Tell whether a pooler may give each transaction of a connection another session."""
    return bool(connection.info.get(_POOLED))


def read_reason(error: BaseException) -> str:
    """Return what the database said, or the driver, in one line."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.partition("\n")[0]


def was_refused(error: BaseException) -> bool:
    """Tell whether somebody answered and said no, so that there is no server to be started."""
    # What a connection that comes to nothing says has no code of its own; this word is the same in most languages.
    reason = getattr(error, "orig", None) or error
    return isinstance(reason, UnfitDatabaseError) or "FATAL:" in str(reason)


def _check_encoding(connection: "psycopg.Connection[Any]") -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _ENCODING:
        raise UnfitDatabaseError(
            f"the database's encoding is {encoding}, which can't hold every customer's words; make one with"
            " CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _count_ms(limit: timedelta) -> str:
    return str(int(limit.total_seconds() * 1000))
