"""``ticketflow approvals``, ``approve`` and ``correct``: what agents do with drafts and findings."""

import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.each_ticket import print_ticket
from ticketflow.cli.entries import decode
from ticketflow.cli.terminal import print_json, results, say
from ticketflow.cli.ticket_view import build_table, render_ticket
from ticketflow.errors import InvalidInputError
from ticketflow.workflow.state import PRIORITIES

EDITOR = "$EDITOR"

_id = click.argument("ticket_id", metavar="ID", type=click.UUID)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
_seen = click.option(
    "--seen",
    type=click.IntRange(1),
    metavar="VERSION",
    help="The version you read: if the ticket changed since, nothing is done. Unset: as it is now.",
)


@click.command()
@click.option("--team", help="Only drafts of this team's tickets.")
@click.option("--drafts", "in_full", is_flag=True, help="Show each ticket in full, its draft included.")
@_json
def approvals(team: str | None, in_full: bool, as_json: bool) -> None:
    """List the drafts that wait for a person; those whose time is up soonest come first."""
    with open_client() as client:
        listed = client.iter_tickets(status="awaiting_approval", **({"team": team} if team else {}))
        # One that was decided about between two pages shows no approval any more.
        waiting = [ticket for ticket in listed if ticket["approval"]]
    waiting.sort(key=lambda ticket: str(ticket["approval"]["expires_at"]))
    if as_json:
        for ticket in waiting:
            print_json(ticket)
    elif in_full:
        for ticket in waiting:
            results().print(render_ticket(ticket))
    elif waiting:
        results().print(build_table("drafts to decide about", COLUMNS, map(_row, waiting)))
    else:
        say("no draft waits for a person")


COLUMNS = ("until (UTC)", "ticket")


def _row(ticket: dict[str, Any]) -> Sequence[str]:
    """Put the rest below the id, which stays in one piece on a narrow terminal."""
    approval = ticket["approval"]
    until = f"{approval['expires_at']:.16}".replace("T", " ")
    told = (ticket["team"] or "-", *approval["reasons"], f"version {ticket['version']}")
    return until, f"{ticket['id']}\n{ticket['subject']}\n{', '.join(told)}"


@click.command()
@_id
@click.option(
    "--edit",
    "edited",
    is_flag=False,
    flag_value=EDITOR,
    metavar="[TEXT|-]",
    help="Send TEXT instead of the draft; - reads it from standard input, without a TEXT your editor opens the draft.",
)
@click.option("--reject", is_flag=True, help="Have it written again; it comes back here.")
@click.option("--ignore", is_flag=True, help="Send nothing.")
@click.option("--note", help="Say why; the next draft minds it, and the ticket's trail keeps it.")
@_seen
@_json
def approve(  # noqa: PLR0913  # one argument an option
    ticket_id: UUID,
    *,
    edited: str | None,
    reject: bool,
    ignore: bool,
    note: str | None,
    seen: int | None,
    as_json: bool,
) -> None:
    """Send the draft of a ticket that waits for a person, or decide otherwise about it.

    Exit code 1 if the ticket does not wait, or somebody else was quicker.
    """
    action = choose_action(is_edited=edited is not None, is_rejected=reject, is_ignored=ignore)
    with open_client() as client:
        ticket = client.get_ticket(str(ticket_id))
        decision: dict[str, Any] = {"action": action} | ({"note": note} if note else {})
        if edited is not None:
            decision["final_response"] = read_reply(edited, ticket["draft"] or "")
        print_ticket(client.decide_approval(ticket_id, seen or ticket["version"], decision), as_json=as_json)


@click.command()
@_id
@click.option("--category", help="What it is really about; it goes to that category's team.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="How soon it is to be done.")
@click.option("--note", help="Say why.")
@_seen
@_json
def correct(
    ticket_id: UUID, category: str | None, priority: str | None, note: str | None, seen: int | None, as_json: bool
) -> None:
    """Correct what was found out about a ticket; the classifier learns from it.

    Facts are corrected over the API, with PATCH.
    """
    given = {"category": category, "priority": priority, "note": note}
    with open_client() as client:
        version = seen or client.get_ticket(str(ticket_id))["version"]
        corrected = client.correct_ticket(ticket_id, version, {name: value for name, value in given.items() if value})
        print_ticket(corrected, as_json=as_json)


def choose_action(*, is_edited: bool, is_rejected: bool, is_ignored: bool) -> str:
    """Name what is decided.

    Raises:
        UsageError: Several things at once.
    """
    chosen = [name for name, is_it in (("edit", is_edited), ("reject", is_rejected), ("ignore", is_ignored)) if is_it]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} do not go together", click.get_current_context())
    return chosen[0] if chosen else "accept"


def read_reply(given: str, draft: str) -> str:
    """Take the edited reply from the command line, from standard input or from the user's editor.

    Raises:
        InvalidInputError: The editor was left without a change.
    """
    if given == "-":
        return decode(sys.stdin.buffer.read(), "standard input")
    if given != EDITOR:
        return given
    edited = click.edit(draft, extension=".txt")
    if edited is None or edited.strip() == draft.strip():
        raise InvalidInputError("the draft was not changed; without --edit it is sent as it is")
    return edited.rstrip("\n")
