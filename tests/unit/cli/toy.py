"""Commands that end in every way a command can."""

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from ticketflow.errors import ConfigurationError, InvalidInputError, NotFoundError

WAYS_TO_END = {
    "wrong-input": InvalidInputError("subject: too long"),
    "wrong-setting": ConfigurationError("TICKETFLOW_PORT: must be a number"),
    "missing": NotFoundError("no ticket 1"),
    "interrupted": KeyboardInterrupt(),
    "bug": ZeroDivisionError("division by\nzero"),
    "no-database": OperationalError("SELECT 1", {}, Exception("connection refused\nIs it running?")),
    "old-database": ProgrammingError("SELECT 1", {}, Exception('relation "tickets" does not exist')),
    "no-file": FileNotFoundError(2, "No such file or directory", "a.jsonl"),
    "failed": click.exceptions.Exit(1),
}


@click.command()
@click.argument("way")
def end(way: str) -> None:
    """End in one of the ways."""
    raise WAYS_TO_END[way]


@click.command()
def succeed() -> None:
    """Do what was asked."""
    click.echo("done")
