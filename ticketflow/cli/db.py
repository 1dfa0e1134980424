"""``ticketflow db``: the database's schema."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ticketflow.cli.age import Age
from ticketflow.cli.errors import FAILED, Failure
from ticketflow.cli.terminal import print_line, progress_bar

if TYPE_CHECKING:
    from ticketflow.services.prune import Pruned


@click.group()
def db() -> None:
    """Bring the database up to date, check that it is, delete what is old."""


@db.command()
def upgrade() -> None:
    """Run the migrations this database lacks; several at once wait for each other.

    A database of a newer version is left as it is.
    """
    from ticketflow.cli.database import find_database_url, open_sessions
    from ticketflow.settings import load_settings
    from ticketflow.storage import migrate

    with open_sessions() as sessions:
        age = migrate.find_schema_age(sessions.kw["bind"])
    if age is migrate.SchemaAge.AHEAD:
        print_line("the database is of a newer version; left as it is")
        return
    migrate.upgrade(find_database_url(load_settings()))
    print_line("the database is up to date")


@db.command()
def check() -> None:
    """Tell whether the database is up to date and its tables are as this version expects."""
    from alembic.util import CommandError

    from ticketflow.cli.database import find_database_url, open_sessions
    from ticketflow.settings import load_settings
    from ticketflow.storage import migrate

    with open_sessions() as sessions:
        is_current = migrate.find_schema_age(sessions.kw["bind"]) is migrate.SchemaAge.CURRENT
    if not is_current:
        raise Failure("the database is not up to date; run `ticketflow db upgrade`", FAILED)
    try:
        migrate.check(find_database_url(load_settings()))
    except CommandError as error:
        raise Failure(f"the tables are not as this version expects: {error}", FAILED) from error
    print_line("the database is up to date")


@db.command()
@click.option("--older-than", type=Age(), required=True, metavar="AGE", help="Tickets that ended this long ago: 90d.")
@click.option(
    "--keys-older-than", type=Age(), default="7d", show_default=True, metavar="AGE", help="Idempotency keys this old."
)
@click.option("--learned", is_flag=True, help="Also tickets that people corrected or whose drafts they approved.")
@click.option("--dry-run", is_flag=True, help="Say how much it would be, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(older_than: timedelta, keys_older_than: timedelta, *, learned: bool, dry_run: bool, yes: bool) -> None:
    """Delete old tickets that were completed or cancelled, with their trails, for good.

    Failed tickets stay. So do tickets that people corrected, or whose drafts they approved, for the engine learns from
    them, unless --learned is given. Old idempotency keys go too, and models' kept answers that are out of date.
    """
    from ticketflow.cli.database import open_sessions
    from ticketflow.services import prune as pruning
    from ticketflow.settings import load_settings

    answers = timedelta(days=load_settings().llm_keep_answers_days)
    retention = pruning.Retention(older_than, keys_older_than, answers, with_learned=learned)
    with open_sessions() as sessions:
        found = pruning.count_prunable(sessions, retention)
        if dry_run:
            print_line(f"would be deleted: {_describe(found)}")
        elif not any(found) or yes or click.confirm(f"to delete for good: {_describe(found)}; go on?", err=True):
            with progress_bar(sum(found)) as bar:
                bar.start("deleting")
                pruned = pruning.prune(sessions, retention, bar.advance)
            print_line(f"deleted: {_describe(pruned)}")
        else:
            raise Failure("nothing was deleted", FAILED)


def _describe(pruned: "Pruned") -> str:
    return f"tickets {pruned.tickets}, idempotency keys {pruned.idempotency_keys}, kept answers {pruned.kept_answers}"
