"""Which tickets a command is about, as options say it: the filters of ``GET /tickets``."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click

from ticketflow.cli.age import Age
from ticketflow.workflow.state import PRIORITIES
from ticketflow.workflow.transitions import Status

Wanted = dict[str, str]
"""Query parameters of ``GET /tickets``."""

_OPTIONS = (
    click.option("--status", type=click.Choice([each.value for each in Status]), help="Where they stand."),
    click.option("--category", help="What they are about."),
    click.option("--team", help="Whose they are."),
    click.option("--priority", type=click.Choice(PRIORITIES), help="As it was asked for."),
    click.option("--channel", help="Where they came from."),
    click.option("--customer", metavar="EMAIL", help="Who sent them."),
    click.option("--external-id", help="Your own reference."),
    click.option("--newer-than", type=Age(), metavar="AGE", help="Received since then: 90s, 30m, 2h, 7d."),
    click.option("--older-than", type=Age(), metavar="AGE", help="Received before then."),
    click.option("--containing", "q", metavar="WORDS", help="All these words are in subject or body."),
)


def takes_filter(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options to narrow tickets down; it is called with ``wanted``."""

    @wraps(command)
    def narrowed(status: str | None, newer_than: timedelta | None, older_than: timedelta | None, **rest: Any) -> None:
        names = ("category", "team", "priority", "channel", "customer", "external_id", "q")
        given = {name: rest.pop(name) for name in names}
        given |= {"status": status, "created_after": _ago(newer_than), "created_before": _ago(older_than)}
        command(wanted={name: value for name, value in given.items() if value is not None}, **rest)

    for option in reversed(_OPTIONS):
        narrowed = option(narrowed)
    return narrowed


def _ago(age: timedelta | None) -> str | None:
    return None if age is None else (datetime.now(UTC) - age).isoformat()
