"""``ticketflow watch``: a ticket's trail as it grows."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import ApiClient, open_client
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, results
from ticketflow.cli.ticket_view import describe_event_line, render_ticket
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import TERMINAL, Status

PATIENCE_S = 60
RECONNECT_S = 0.5
_ENDINGS = frozenset({EventType.TICKET_COMPLETED, EventType.TICKET_FAILED, EventType.TICKET_CANCELLED})


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
