"""Runs the migrations; Alembic loads this file for every command."""

from alembic import context
from sqlalchemy import create_engine, pool

from ticketflow.storage.models import Base

# Migrations of several processes starting at once wait for each other here.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('ticketflow.migrations'))"


def run_migrations() -> None:
    """Apply migrations in one transaction, with a limit on how long they may wait for a lock."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            connection.exec_driver_sql(_LOCK)
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            context.run_migrations()


run_migrations()
