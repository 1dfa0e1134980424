"""Changes of tables that tickets flow through: each lets reads and writes pass, or holds them up for a moment only.

For migrations. What stands here runs outside a transaction and may be run again from the start, so it comes before
everything else in ``upgrade()``: when it fails half-way, the migration counts as not begun. See docs/how-to/upgrade.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from alembic import op

from ticketflow.storage.session_settings import is_pooled

# Whoever waits for a table stops everybody who comes after it: not longer than callers notice.
LOCK_TIMEOUT = timedelta(seconds=2)
STATEMENT_TIMEOUT = timedelta(seconds=30)
# For what only reads a table of any size, and may have to wait until a long transaction of somebody else has ended.
PATIENT_STATEMENT_TIMEOUT = "6h"

BE_QUICK = (
    f"SET lock_timeout = '{LOCK_TIMEOUT.seconds}s'",
    f"SET statement_timeout = '{STATEMENT_TIMEOUT.seconds}s'",
)
BE_PATIENT = ("SET lock_timeout = 0", f"SET statement_timeout = '{PATIENT_STATEMENT_TIMEOUT}'")


def build_index(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """Build an index while its table is written to; an invalid one that an earlier try left behind goes first.

    Args:
        options: As for ``op.create_index``.
    """
    with _patiently():
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def drop_index(name: str, table: str) -> None:
    """Drop an index while its table is written to; one that an earlier try has dropped is gone already."""
    with _patiently():
        op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)


def replace_check(name: str, table: str, condition: str) -> None:
    """Give a check another condition: for new rows at once, for those that are there after a look at all of them."""
    with op.get_context().autocommit_block():
        op.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"
        )
    with _patiently():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def copy_rows(statement: str) -> None:
    """Fill a table from others, however large they are: no lock is held meanwhile that a writer waits for.

    In the transaction that refers to a table by a foreign key it would keep everybody from writing to that one.

    Args:
        statement: An ``INSERT … SELECT`` that leaves alone what an earlier try has put there.
    """
    with _patiently():
        op.execute(statement)


@contextmanager
def _patiently() -> Iterator[None]:
    """Run statements that stop nobody, each by itself, with time.

    Behind a pooler outside a transaction the next session may be another one, so there the server's own limits hold.
    """
    context = op.get_context()
    has_session = context.as_sql or not is_pooled(op.get_bind())
    with context.autocommit_block():
        for setting in BE_PATIENT if has_session else ():
            op.execute(setting)
        yield
        for setting in BE_QUICK if has_session else ():
            op.execute(setting)
