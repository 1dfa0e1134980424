"""Runs the migrations, or prints their SQL; Alembic loads this file for every command."""

import sys

from alembic import context

from ticketflow.storage.migration_run import run_patiently
from ticketflow.storage.models import Base
from ticketflow.storage.online_ddl import BE_QUICK, LOCK_TIMEOUT, STATEMENT_TIMEOUT
from ticketflow.storage.session import build_engine


def migrate() -> None:
    """Apply each migration in a transaction of its own."""
    with context.begin_transaction():
        context.run_migrations()


def run_migrations() -> None:
    """Apply migrations beside a live system."""
    engine = build_engine(
        context.config.get_main_option("sqlalchemy.url") or "",
        name="ticketflow migrations",
        statement_timeout=STATEMENT_TIMEOUT,
        lock_timeout=LOCK_TIMEOUT,
    )
    try:
        with engine.connect() as connection:
            context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
            run_patiently(connection, migrate)
    finally:
        engine.dispose()


def print_migrations() -> None:
    """Print what would be applied, for reviewers and for squawk."""
    context.configure(
        dialect_name="postgresql", output_buffer=sys.stdout, literal_binds=True, transaction_per_migration=True
    )
    for setting in BE_QUICK:
        context.execute(setting)
    migrate()


print_migrations() if context.is_offline_mode() else run_migrations()
