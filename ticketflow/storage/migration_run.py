"""Runs migrations beside a live system: one process at a time, never long in anybody's way, again when it was."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ticketflow.errors import MigrationError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.online_ddl import BE_QUICK, STATEMENT_TIMEOUT
from ticketflow.storage.session_settings import is_pooled

log = get_logger(__name__)

# Asked for again and again rather than waited for: a transaction that waits keeps an index from being built
# concurrently, which waits for every transaction older than itself.
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('ticketflow.migrations'))"
LOCK_PAUSE_S = 0.5
# A table that is in use for longer than this is in use for a reason that somebody has to see.
PATIENCE_S = 300.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
_WHO = (
    "SELECT * FROM pg_stat_activity ORDER BY xact_start shows who has used the table longest; when they have ended, run"
    " `ticketflow db upgrade` again"
)


def run_patiently(connection: Connection, migrate: Callable[[], None], patience_s: float = PATIENCE_S) -> None:
    """Run migrations, each in transactions of its own, and go on after those that had to give way.

    Args:
        migrate: Goes on after the last migration that is done.
        patience_s: For how long it gives way.

    Raises:
        MigrationError: A table was in use all the while, or a statement took too long, or there is no schema.
    """
    if connection.exec_driver_sql("SELECT current_schema()").scalar() is None:
        raise MigrationError("no schema to make tables in: create the one that the database URL or the role names")
    connection.rollback()
    with _turn(connection):
        deadline, pause_s = time.monotonic() + patience_s, FIRST_PAUSE_S
        while (blocked := _try_once(connection, migrate)) is not None:
            statement = _name_statement(blocked)
            if time.monotonic() > deadline:
                raise MigrationError(f"{statement}: gave way for {patience_s:.0f} s; {_WHO}") from blocked
            log.warning("migration.gave_way", statement=statement)
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _try_once(connection: Connection, migrate: Callable[[], None]) -> OperationalError | None:
    """Try to migrate; return what was in the way, if something was."""
    for setting in () if is_pooled(connection) else BE_QUICK:  # after one that was patient and came to nothing
        connection.exec_driver_sql(setting)
    connection.commit()
    try:
        migrate()
    except OperationalError as error:
        connection.rollback()
        if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
            return error
        if isinstance(error.orig, QueryCanceled):
            raise MigrationError(
                f"a statement took longer than {STATEMENT_TIMEOUT.seconds}s and was stopped: {_name_statement(error)};"
                " nothing of its transaction stays; run `ticketflow db upgrade` again when less is going on"
            ) from error
        raise
    return None


@contextmanager
def _turn(connection: Connection) -> Iterator[None]:
    """Keep other processes from migrating meanwhile.

    By a transaction of another connection: it outlasts each of the migrations' own, holds up no index that is built, as
    it does nothing, and a pooler leaves it alone.
    """
    with connection.engine.connect() as holder:
        while not holder.exec_driver_sql(_TRY_LOCK).scalar():
            holder.rollback()
            time.sleep(LOCK_PAUSE_S)
        yield


def _name_statement(error: OperationalError) -> str:
    return " ".join((error.statement or "").split())[:120]
