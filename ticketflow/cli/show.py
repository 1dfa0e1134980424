"""``ticketflow show``: one ticket in full."""

from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.terminal import print_json, results
from ticketflow.cli.ticket_view import render_events, render_steps, render_ticket


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
