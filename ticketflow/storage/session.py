"""Engines and sessions. A process makes one engine, after any fork."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from ticketflow.storage.sql_spans import trace_statements

Sessions = sessionmaker[Session]

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT = timedelta(seconds=30)


def build_engine(
    url: str, pool_size: int = 10, *, name: str = "ticketflow", statement_timeout: timedelta = STATEMENT_TIMEOUT
) -> Engine:
    """Build an engine whose connections check themselves and never wait for ever.

    Args:
        url: ``postgresql+psycopg://…``.
        pool_size: Connections kept open; as many again may be opened under load.
        name: What PostgreSQL knows the connections by (``application_name``).
        statement_timeout: Longest a statement may run, and a connection take to open.
    """
    connect_args: dict[str, Any] = {
        "connect_timeout": min(CONNECT_TIMEOUT_S, int(statement_timeout.total_seconds())),
        "application_name": name,
        "options": f"-c statement_timeout={int(statement_timeout.total_seconds() * 1000)} -c timezone=UTC",
        # Probes find a dead peer in about 20 s instead of the kernel's two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        # There are no probes while something sent is not acknowledged: that alone would take a quarter of an hour.
        "tcp_user_timeout": 20_000,
    }
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args=connect_args,
        hide_parameters=True,  # an error's text goes to logs and tickets; customers' words must not
    )
    trace_statements(engine)
    return engine


def build_session_factory(engine: Engine) -> Sessions:
    """Build the factory use cases open their one transaction with: ``with sessions.begin() as s``."""
    return sessionmaker(engine, expire_on_commit=False)


def limit_statements(session: Session, timeout: timedelta) -> None:
    """End every statement of the transaction at hand that takes longer than ``timeout``."""
    milliseconds = max(1, int(timeout.total_seconds() * 1000))
    session.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
