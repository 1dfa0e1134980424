"""``ticketflow list``: the tickets there are."""

from itertools import islice

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.each_ticket import print_ticket
from ticketflow.cli.terminal import say
from ticketflow.cli.ticket_filter import Wanted, takes_filter


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
