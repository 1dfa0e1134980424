"""``celery -A ticketflow.tasks dead``: parked tickets, found, sent on again, given up."""

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
from ticketflow.services.dead_letters import (
    find_dead_letters,
    purge_dead_letters,
    read_dead_letters,
    replay_dead_letters,
)
from ticketflow.storage.dead_letters import DeadFilter
from ticketflow.storage.session import Sessions
from ticketflow.workflow.plan import ticket_plan

# Locked together; at this size a chunk takes well under a second.
CHUNK = 200

_dry_run = click.option("--dry-run", is_flag=True, help="Only say how many it would be.")


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


@click.group()
def dead() -> None:
    """List, replay and purge dead letters: tickets of every tenant that failed for good and are parked."""


@dead.command("list")
@takes_filter
@click.option("--limit", type=click.IntRange(1), help="How many at most.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
def list_(wanted: DeadFilter, limit: int | None, as_json: bool) -> None:
    """List parked tickets, the longest dead first."""
    with open_sessions() as sessions:
        letters = read_dead_letters(sessions, wanted, limit)
    for letter in letters:
        if as_json:
            print_json(letter)
        else:
            print_line(describe_letter(letter))
    if not (letters or as_json):
        say("there are no such dead letters")


@dead.command()
@click.argument("ticket_id", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(ticket_id: UUID, as_json: bool) -> None:
    """Show why a ticket is parked, and where in the code it failed."""
    with open_sessions() as sessions:
        letters = read_dead_letters(sessions, DeadFilter(ids=[ticket_id]))
    if not letters:
        raise NotFoundError(f"{ticket_id} is not parked")
    if as_json:
        print_json(letters[0])
        return
    error = letters[0]["error"]
    facts = letters[0] | {"error": f"{error['class']}: {error['message']}", "attempts": error["attempt"]}
    for name, value in facts.items():
        print_line(f"{name:<12}{value}")
    for line in error["traceback"]:
        print_line(f"{'':<12}at {line}")


@dead.command()
@takes_some
@_dry_run
def replay(wanted: DeadFilter, dry_run: bool) -> None:
    """Send parked tickets on again at the step that failed; finished steps are kept.

    They become due; dispatchers publish them as fast as workers take them.
    """
    with open_sessions() as sessions:
        ids = find(sessions, wanted)
        if dry_run:
            print_line(f"{len(ids)} would be replayed")
        else:
            replayed = change(sessions, ids, replay_dead_letters, "replaying")
            print_line(f"{replayed} replayed{_describe_others(len(ids) - replayed)}")


@dead.command()
@takes_some
@_dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(wanted: DeadFilter, dry_run: bool, yes: bool) -> None:
    """Give parked tickets up: they end as cancelled, with their trails kept."""
    with open_sessions() as sessions:
        ids = find(sessions, wanted)
        if dry_run:
            print_line(f"{len(ids)} would be purged")
        elif not ids or yes or click.confirm(f"parked tickets to cancel for good: {len(ids)}; go on?", err=True):
            purged = change(sessions, ids, purge_dead_letters, "purging")
            print_line(f"{purged} purged{_describe_others(len(ids) - purged)}")
        else:
            say("nothing was purged")
            raise click.exceptions.Exit(FAILED)


def find(sessions: Sessions, wanted: DeadFilter) -> Sequence[UUID]:
    """Return the tickets a filter means.

    Raises:
        NotFoundError: One that it names is not among them.
    """
    ids = find_dead_letters(sessions, wanted)
    if missing := set(wanted.ids).difference(ids):
        raise NotFoundError(f"not parked, or left out by another filter: {', '.join(map(str, missing))}")
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


def describe_letter(letter: dict[str, Any]) -> str:
    """Say in one line where and why a ticket is parked."""
    error = letter["error"]
    why = " ".join(f"{error['class']}: {error['message']}".split())
    return f"{letter['id']}  {letter['parked_at']:.19}Z  {letter['step']:<10}  {why}"


def _describe_others(count: int) -> str:
    return f", {count} had been taken up by somebody else" if count else ""
