"""``celery -A ticketflow.tasks dead``: failed tickets, found, sent on again, given up."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.age import Age
from ticketflow.cli.database import open_sessions
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, progress_bar, say
from ticketflow.errors import NotFoundError
from ticketflow.services.failed_tickets import (
    find_failed_tickets,
    purge_failed_tickets,
    read_failed_tickets,
    replay_failed_tickets,
)
from ticketflow.storage.failed_tickets import FailedFilter
from ticketflow.storage.session import Sessions
from ticketflow.workflow.graph import LINEAGE

# Locked together; at this size a chunk takes well under a second.
CHUNK = 200

_dry_run = click.option("--dry-run", is_flag=True, help="Only say how many it would be.")


def takes_filter(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options to narrow failed tickets down; it is called with ``wanted``."""

    @click.option("--id", "ids", type=click.UUID, multiple=True, help="This ticket; may be given several times.")
    @click.option("--step", type=click.Choice(LINEAGE.steps), help="Failed at this step.")
    @click.option("--error-class", help="Failed with this class of error, such as PermanentError.")
    @click.option("--older-than", type=Age(), metavar="AGE", help="Failed this long ago or longer: 90s, 30m, 2h, 7d.")
    @wraps(command)
    def narrowed(step: str | None, error_class: str | None, older_than: timedelta | None, **rest: Any) -> None:
        command(wanted=FailedFilter(rest.pop("ids"), step, error_class, older_than), **rest)

    return narrowed


def takes_some(command: Callable[..., None]) -> Callable[..., None]:
    """Like ``takes_filter``, but who means all of them has to say so."""

    @click.option("--all", "is_all", is_flag=True, help="All of them.")
    @wraps(command)
    def checked(wanted: FailedFilter, *, is_all: bool, **rest: Any) -> None:
        if is_all == (wanted != FailedFilter()):
            raise click.UsageError(
                "say which: --id, --step, --error-class and --older-than narrow it down, or else --all takes every one",
                click.get_current_context(),
            )
        command(wanted=wanted, **rest)

    return takes_filter(checked)


@click.group()
def dead() -> None:
    """List, replay and purge failed tickets of every tenant."""


@dead.command("list")
@takes_filter
@click.option("--limit", type=click.IntRange(1), help="How many at most.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
def list_(wanted: FailedFilter, limit: int | None, as_json: bool) -> None:
    """List failed tickets in the order they failed."""
    with open_sessions() as sessions:
        tickets = read_failed_tickets(sessions, wanted, limit)
    for ticket in tickets:
        if as_json:
            print_json(ticket)
        else:
            print_line(describe_failure(ticket))
    if not (tickets or as_json):
        say("there are no such failed tickets")


@dead.command()
@click.argument("ticket_id", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(ticket_id: UUID, as_json: bool) -> None:
    """Show why a ticket failed, and where in the code."""
    with open_sessions() as sessions:
        tickets = read_failed_tickets(sessions, FailedFilter(ids=[ticket_id]))
    if not tickets:
        raise NotFoundError(f"{ticket_id} has not failed")
    if as_json:
        print_json(tickets[0])
        return
    error = tickets[0]["error"]
    facts = tickets[0] | {"error": f"{error['class']}: {error['message']}", "attempts": error["attempt"]}
    for name, value in facts.items():
        print_line(f"{name:<12}{value}")
    for line in error["traceback"]:
        print_line(f"{'':<12}at {line}")


@dead.command()
@takes_some
@_dry_run
def replay(wanted: FailedFilter, dry_run: bool) -> None:
    """Send failed tickets on again at the step that failed; finished steps are kept.

    They become due; dispatchers publish them as fast as workers take them.
    """
    with open_sessions() as sessions:
        ids = find(sessions, wanted)
        if dry_run:
            print_line(f"{len(ids)} would be replayed")
        else:
            replayed = change(sessions, ids, replay_failed_tickets, "replaying")
            print_line(f"{replayed} replayed{_describe_others(len(ids) - replayed)}")


@dead.command()
@takes_some
@_dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(wanted: FailedFilter, dry_run: bool, yes: bool) -> None:
    """Give failed tickets up: they end as cancelled, with their trails kept."""
    with open_sessions() as sessions:
        ids = find(sessions, wanted)
        if dry_run:
            print_line(f"{len(ids)} would be purged")
        elif not ids or yes or click.confirm(f"failed tickets to cancel for good: {len(ids)}; go on?", err=True):
            purged = change(sessions, ids, purge_failed_tickets, "purging")
            print_line(f"{purged} purged{_describe_others(len(ids) - purged)}")
        else:
            say("nothing was purged")
            raise click.exceptions.Exit(FAILED)


def find(sessions: Sessions, wanted: FailedFilter) -> Sequence[UUID]:
    """Return the tickets a filter means.

    Raises:
        NotFoundError: One that it names is not among them.
    """
    ids = find_failed_tickets(sessions, wanted)
    if missing := set(wanted.ids).difference(ids):
        raise NotFoundError(f"not failed, or left out by another filter: {', '.join(map(str, missing))}")
    return ids


def change(sessions: Sessions, ids: Sequence[UUID], move: Callable[[Sessions, Sequence[UUID]], int], doing: str) -> int:
    """Move tickets on, some hundred at a time; return how many there were left to move."""
    moved = 0
    with progress_bar(len(ids)) as bar:
        bar.start(doing)
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            moved += move(sessions, chunk)
            bar.advance(len(chunk))
    return moved


def describe_failure(ticket: dict[str, Any]) -> str:
    """Say in one line where and why a ticket failed."""
    error = ticket["error"]
    why = " ".join(f"{error['class']}: {error['message']}".split())
    return f"{ticket['id']}  {ticket['parked_at']:.19}Z  {ticket['step']:<10}  {why}"


def _describe_others(count: int) -> str:
    return f", {count} had been taken up by somebody else" if count else ""
