"""Which dead letters a command is about, as options say it."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from ticketflow.cli.age import Age
from ticketflow.storage.dead_letters import DeadFilter
from ticketflow.workflow.plan import ticket_plan


def takes_filter(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options to narrow dead letters down; it is called with ``wanted``."""

    @click.option("--id", "ids", type=click.UUID, multiple=True, help="This ticket; may be given several times.")
    @click.option("--step", type=click.Choice(ticket_plan().order), help="Parked at this step.")
    @click.option("--error-class", help="Parked by this class of error, such as PermanentError.")
    @click.option("--older-than", type=Age(), metavar="AGE", help="Parked this long ago or longer: 90s, 30m, 2h, 7d.")
    @wraps(command)
    def narrowed(step: str | None, error_class: str | None, older_than: timedelta | None, **rest: Any) -> None:
        command(wanted=DeadFilter(rest.pop("ids"), step, error_class, older_than), **rest)

    return narrowed


def takes_some(command: Callable[..., None]) -> Callable[..., None]:
    """Like ``takes_filter``, but who means all of them has to say so."""

    @click.option("--all", "is_all", is_flag=True, help="All of them.")
    @wraps(command)
    def checked(wanted: DeadFilter, *, is_all: bool, **rest: Any) -> None:
        if is_all == (wanted != DeadFilter()):
            raise click.UsageError(
                "say which: --id, --step, --error-class and --older-than narrow it down, or else --all takes every one",
                click.get_current_context(),
            )
        command(wanted=wanted, **rest)

    return takes_filter(checked)
