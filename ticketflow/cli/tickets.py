"""``ticketflow list``, ``show`` and ``watch``: what tickets there are, all about one, and its trail as it grows."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import ApiClient, open_client
from ticketflow.cli.each_ticket import print_ticket
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, results, say
from ticketflow.cli.ticket_filter import Wanted, takes_filter
from ticketflow.cli.ticket_view import describe_event_line, render_events, render_steps, render_ticket
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import TERMINAL, Status

PATIENCE_S = 60
RECONNECT_S = 0.5
_ENDINGS = frozenset({EventType.TICKET_COMPLETED, EventType.TICKET_FAILED, EventType.TICKET_CANCELLED})


@click.command("list")
@takes_filter
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="However many there are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
def list_(wanted: Wanted, limit: int, is_all: bool, as_json: bool) -> None:
    """List tickets, the newest first."""
    with open_client() as client:
        tickets = client.iter_tickets(**wanted)
        shown = 0
        for ticket in tickets if is_all else islice(tickets, limit):
            print_ticket(ticket, as_json=as_json)
            shown += 1
        has_more = not is_all and shown == limit and next(tickets, None) is not None
    if not shown:
        say("no ticket fits" if wanted else "there are no tickets; `ticketflow submit` sends one")
    elif has_more and not as_json:
        say(f"the newest {limit}; --all lists every one")


@click.command()
@click.argument("ticket_id", metavar="ID", type=click.UUID)
@click.option("--events", "with_events", is_flag=True, help="Add the trail: what happened when.")
@click.option(
    "--steps", "with_steps", is_flag=True, help="Add the ledger: which engine did what, and how long it took."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(ticket_id: UUID, with_events: bool, with_steps: bool, as_json: bool) -> None:
    """Show one ticket: what was found out and what was answered."""
    added: dict[str, Any] = {}
    with open_client() as client:
        ticket = client.get_ticket(str(ticket_id))
        if with_events:
            added["events"] = client.list_events(str(ticket_id))
        if with_steps:
            added["steps"] = client.list_steps(str(ticket_id))
    if as_json:
        print_json(ticket | added)
        return
    console = results()
    console.print(render_ticket(ticket))
    if with_events:
        console.print(render_events(added["events"]))
    if with_steps:
        console.print(render_steps(added["steps"]))


@click.command()
@click.argument("ticket_id", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON, and no ticket at the end.")
def watch(ticket_id: UUID, as_json: bool) -> None:
    """Follow a ticket step by step until it has ended.

    Exit code 1 if the ticket failed or was cancelled.
    """
    with open_client(PATIENCE_S) as client:
        client.require_reachable()
        for event in follow_events(client, str(ticket_id)):
            if as_json:
                print_json(event)
            else:
                print_line(describe_event_line(event))
        ticket = client.get_ticket(str(ticket_id))
    if not as_json:
        results().print(render_ticket(ticket))
    if ticket["status"] != Status.COMPLETED:
        raise click.exceptions.Exit(FAILED)


def follow_events(client: ApiClient, ticket_id: str) -> Iterator[dict[str, Any]]:
    """Give a ticket's events from the first to the one that ends it, over broken connections too.

    A failed ticket that was sent on again goes on: its status decides, not the event.
    """
    after = 0
    while True:
        for event in client.stream_events(ticket_id, after):
            yield event
            after = event["id"]
            if event["type"] in _ENDINGS and _has_ended(client, ticket_id):
                break
        has_ended = _has_ended(client, ticket_id)
        missed = client.list_events(ticket_id, after)
        yield from missed
        if has_ended:
            return
        after = missed[-1]["id"] if missed else after
        time.sleep(RECONNECT_S)


def _has_ended(client: ApiClient, ticket_id: str) -> bool:
    return client.get_ticket(ticket_id)["status"] in TERMINAL
