"""The database for commands that need no engine: quick to open, quiet on standard output."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ticketflow.observability.logging import configure_logging
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.embedded import embedded_url
from ticketflow.storage.session import Sessions, build_engine, build_session_factory


def find_database_url(settings: Settings) -> str:
    """Return the database that settings name, or the embedded one."""
    return settings.database_url or embedded_url(settings.data_dir)


@contextmanager
def open_sessions() -> Iterator[Sessions]:
    """Open the database with a connection or two; whole processes use ``tasks.runtime`` instead."""
    settings = load_settings()
    quiet_logging(settings)
    engine = build_engine(find_database_url(settings), pool_size=1)
    try:
        yield build_session_factory(engine)
    finally:
        engine.dispose()


def quiet_logging(settings: Settings) -> None:
    """Log warnings alone to standard error, unless somebody asked for more.

    Unconfigured, structlog would write to standard output, among the results.
    """
    named: dict[str, Any] = settings.model_dump(include={"log_level"}, exclude_unset=True)
    level = "debug" if is_debug() else named.get("log_level", "warning")
    configure_logging(level, settings.log_format)


def is_debug() -> bool:
    """Tell whether ``ticketflow --debug`` was given."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().params.get("debug"))
