"""The same done to several tickets, and what came of it, a line each."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, say
from ticketflow.cli.ticket_view import describe_ticket_line
from ticketflow.errors import ConflictError, NotFoundError


def do_to_each(
    ticket_ids: Sequence[UUID], do: Callable[[UUID], dict[str, Any]], *, as_json: bool = False, missing: int = FAILED
) -> None:
    """Do something to several tickets and print each; one that refuses does not keep the others from it.

    Args:
        do: Returns the ticket as it is afterwards.
        missing: Exit code when there is no such ticket.
    """
    codes = []
    for ticket_id in dict.fromkeys(ticket_ids):
        try:
            print_ticket(do(ticket_id), as_json=as_json)
        except (ConflictError, NotFoundError) as error:
            codes.append(missing if isinstance(error, NotFoundError) else FAILED)
            say(f"error: {ticket_id}: {error}")
    if codes:
        raise click.exceptions.Exit(max(codes))


def print_ticket(ticket: dict[str, Any], *, as_json: bool = False) -> None:
    """Print a ticket as one line, for people or as JSON."""
    if as_json:
        print_json(ticket)
    else:
        print_line(describe_ticket_line(ticket))
