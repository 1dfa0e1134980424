"""``ticketflow db``: the database's schema."""

import click

from ticketflow.cli.errors import FAILED, Failure
from ticketflow.cli.terminal import print_line


@click.group()
def db() -> None:
    """Bring the database up to date, or check that it is."""


@db.command()
def upgrade() -> None:
    """Run the migrations this database lacks; several at once wait for each other."""
    from ticketflow.cli.database import find_database_url, quiet_logging
    from ticketflow.settings import load_settings
    from ticketflow.storage import migrate

    settings = load_settings()
    quiet_logging(settings)
    migrate.upgrade(find_database_url(settings))
    print_line("the database is up to date")


@db.command()
def check() -> None:
    """Tell whether the database is up to date and its tables are as this version expects."""
    from alembic.util import CommandError

    from ticketflow.cli.database import find_database_url, open_sessions
    from ticketflow.settings import load_settings
    from ticketflow.storage import migrate

    with open_sessions() as sessions:
        is_current = migrate.is_current(sessions.kw["bind"])
    if not is_current:
        raise Failure("the database is not up to date; run `ticketflow db upgrade`", FAILED)
    try:
        migrate.check(find_database_url(load_settings()))
    except CommandError as error:
        raise Failure(f"the tables are not as this version expects: {error}", FAILED) from error
    print_line("the database is up to date")
