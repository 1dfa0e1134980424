"""The same done to several tickets, and what came of it, a line each."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.parallel import map_parallel
from ticketflow.cli.terminal import print_json, print_line, progress_bar, say
from ticketflow.cli.ticket_view import describe_ticket_line
from ticketflow.errors import ConflictError, NotFoundError

# The API answers several at a time; more would take its threads from others.
THREADS = 8

_Outcome = tuple[dict[str, Any], ConflictError | NotFoundError | None]


def do_to_each(
    ticket_ids: Sequence[UUID],
    do: Callable[[UUID], dict[str, Any]],
    *,
    as_json: bool = False,
    missing: int = FAILED,
    threads: int = THREADS,
) -> None:
    """Do something to several tickets and print each; one that refuses does not keep the others from it.

    Args:
        do: Returns the ticket as it is afterwards.
        missing: Exit code when there is no such ticket.
        threads: How many at a time.
    """
    chosen = list(dict.fromkeys(ticket_ids))
    done: dict[int, _Outcome] = {}
    codes = [0]
    try:
        with progress_bar(len(chosen), is_wanted=threads > 1 and len(chosen) > threads) as bar:
            done.update(bar.count(map_parallel(partial(_attempt, do), chosen, threads)))
    finally:  # what was done before Ctrl-C is told, too
        for position, (ticket, error) in sorted(done.items()):
            if error is None:
                print_ticket(ticket, as_json=as_json)
            else:
                codes.append(missing if isinstance(error, NotFoundError) else FAILED)
                say(f"error: {chosen[position]}: {error}")
    if any(codes):
        raise click.exceptions.Exit(max(codes))


def _attempt(do: Callable[[UUID], dict[str, Any]], ticket_id: UUID) -> _Outcome:
    """Tell what came of one ticket; an error that concerns the others too is raised."""
    try:
        return do(ticket_id), None
    except (ConflictError, NotFoundError) as error:
        return {}, error


def print_ticket(ticket: dict[str, Any], *, as_json: bool = False) -> None:
    """Print a ticket as one line, for people or as JSON."""
    if as_json:
        print_json(ticket)
    else:
        print_line(describe_ticket_line(ticket))
