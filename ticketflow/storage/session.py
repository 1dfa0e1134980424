"""Engines and sessions. A process makes one engine, after any fork."""

import os
import select
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, ExecutionContext, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker

from ticketflow.database_url import read_database_url
from ticketflow.observability.tracing import current_traceparent, span
from ticketflow.storage.session_settings import SessionSettings, is_pooled

Sessions = sessionmaker[Session]

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT = timedelta(seconds=30)
# What a URL may say otherwise.
_DEFAULTS: Mapping[str, Any] = {
    # Probes find a dead peer in about 20 s instead of the kernel's two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    # There are no probes while something sent is not acknowledged: that alone would take a quarter of an hour.
    "tcp_user_timeout": 20_000,
}


def build_engine(
    url: str,
    pool_size: int = 10,
    *,
    name: str = "ticketflow",
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
    lock_timeout: timedelta = timedelta(0),
) -> Engine:
    """Build an engine whose connections check themselves and never wait for ever; nobody connects otherwise.

    Its sessions are as the product needs them, whatever is set elsewhere and whether or not a pooler is in between.

    Args:
        url: In any spelling that ``read_database_url`` takes.
        pool_size: Connections kept open; as many again may be opened under load.
        name: What PostgreSQL knows the connections by (``application_name``).
        statement_timeout: Longest a statement may run, and a connection take to open unless the URL says otherwise.
        lock_timeout: Longest a statement may wait for a lock; 0 is as long as it may run.
    """
    settings, parameters = SessionSettings.split(read_database_url(url), statement_timeout, lock_timeout)
    if "PGCONNECT_TIMEOUT" not in os.environ:
        parameters.setdefault("connect_timeout", min(CONNECT_TIMEOUT_S, int(statement_timeout.total_seconds())))
    engine = create_engine(
        "postgresql+psycopg://",  # SQLAlchemy reads fewer URLs than libpq
        isolation_level="READ COMMITTED",  # said with BEGIN, if it is not the default
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={**_DEFAULTS, **parameters, "application_name": name, "client_encoding": "UTF8"},
        hide_parameters=True,  # an error's text goes to logs and tickets; customers' words must not
    )
    settings.keep(engine)
    event.listen(engine, "checkout", _check_connection)
    _trace_statements(engine)
    return engine


def _check_connection(connection: Any, *_: Any) -> None:
    """Have a connection replaced that its server gave up while it lay idle.

    Only such a one has something to read: its end. To ask the server would take a round trip for every use.

    Raises:
        DisconnectionError: To SQLAlchemy's pool, which opens another one.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError


def _trace_statements(engine: Engine) -> None:
    """Make a span of each statement inside the span of a request or a step: its text with placeholders, never a value.

    The dispatcher's own looks are part of no ticket. OpenTelemetry's instrumentation of SQLAlchemy makes spans of those
    too, tells what the database said, which may quote a customer, and is for SQLAlchemy before 2.1.
    """

    def trace(execute: str, cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> bool:
        if current_traceparent() is None:
            return False
        operation = statement.split(maxsplit=1)[0].upper()
        attributes = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": statement}
        with span(operation, "client", attributes):
            getattr(context.dialect, execute)(cursor, statement, parameters, context)
        return True  # it is executed

    for execute in ("do_execute", "do_executemany"):
        event.listen(engine, execute, partial(trace, execute))


def build_session_factory(engine: Engine) -> Sessions:
    """Build the factory use cases open their one transaction with: ``with sessions.begin() as s``."""
    return sessionmaker(engine, expire_on_commit=False)


def build_statement_sessions(engine: Engine) -> Sessions:
    """Build the factory for use cases that are one statement each.

    Without BEGIN and COMMIT around it, two of four round trips are saved. Behind a pooler a transaction is what the
    session's settings hold for.
    """

    def save_round_trips(connection: Connection) -> None:
        if not is_pooled(connection):
            connection.execution_options(isolation_level="AUTOCOMMIT")

    single = engine.execution_options()
    event.listen(single, "engine_connect", save_round_trips)
    return build_session_factory(single)


def limit_statements(session: Session, timeout: timedelta) -> None:
    """End every statement of the transaction at hand that takes longer than ``timeout``."""
    milliseconds = max(1, int(timeout.total_seconds() * 1000))
    session.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
