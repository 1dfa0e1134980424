"""``ticketflow cancel``, ``retry``, ``rewind`` and ``fork``: what people do to a ticket."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import ApiClient, open_client
from ticketflow.cli.each_ticket import do_to_each, print_ticket
from ticketflow.cli.errors import FAILED, Failure
from ticketflow.cli.terminal import say
from ticketflow.cli.ticket_filter import Wanted, takes_filter
from ticketflow.errors import InvalidInputError
from ticketflow.workflow.transitions import MOVES, Status

_ids = click.argument("ticket_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
_yes = click.option("--yes", is_flag=True, help="Do not ask about those that the filters find.")
_id = click.argument("ticket_id", metavar="ID", type=click.UUID)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")


@click.command()
@_ids
@takes_filter
@click.option("--reason", help="Say why; the tickets' trails keep it.")
@_yes
@_json
def cancel(ticket_ids: Sequence[UUID], wanted: Wanted, *, reason: str | None, yes: bool, as_json: bool) -> None:
    """Cancel tickets for good: those with these IDs, or all that the options find and that have not completed.

    A step under way changes nothing any more. Exit code 1 if one of them cannot be cancelled.
    """
    with open_client() as client:
        chosen = _choose(client, ticket_ids, wanted, [status for status in MOVES if Status.CANCELLED in MOVES[status]])
        if _is_agreed(chosen, "cancel", is_asked=bool(wanted) and not yes):
            do_to_each(chosen, lambda ticket_id: client.cancel_ticket(ticket_id, reason), as_json=as_json)


@click.command()
@_ids
@takes_filter
@_yes
@_json
def retry(ticket_ids: Sequence[UUID], wanted: Wanted, *, yes: bool, as_json: bool) -> None:
    """Try the failed step again, now, of the tickets with these IDs, or of all failed ones that the options find.

    Finished steps are kept. Exit code 1 if one of them cannot be tried again.
    """
    with open_client() as client:
        chosen = _choose(client, ticket_ids, wanted, [Status.FAILED])
        if _is_agreed(chosen, "retry", is_asked=bool(wanted) and not yes):
            do_to_each(chosen, client.retry_ticket, as_json=as_json)


def _choose(client: ApiClient, ticket_ids: Sequence[UUID], wanted: Wanted, fitting: Sequence[Status]) -> Sequence[UUID]:
    """Return the tickets that were named, or those that filters find among the ones it can be done to."""
    if bool(ticket_ids) == bool(wanted):
        raise click.UsageError("say which: the IDs of tickets, or options that find them", click.get_current_context())
    if ticket_ids:
        return ticket_ids
    statuses = [wanted["status"]] if "status" in wanted else fitting
    return [UUID(each["id"]) for status in statuses for each in client.iter_tickets(**wanted | {"status": status})]


def _is_agreed(ticket_ids: Sequence[UUID], verb: str, *, is_asked: bool) -> bool:
    """Make sure that somebody who gave filters knows how many tickets they mean."""
    if not ticket_ids:
        say("no ticket fits")
    elif is_asked and not click.confirm(f"{verb} {_count(ticket_ids)}?", err=True):
        raise Failure("nothing was done", FAILED)
    return bool(ticket_ids)


def _count(ticket_ids: Sequence[UUID]) -> str:
    return "1 ticket" if len(ticket_ids) == 1 else f"{len(ticket_ids)} tickets"


@click.command()
@_id
@click.argument("step")
@_json
def rewind(ticket_id: UUID, step: str, as_json: bool) -> None:
    """Run a finished STEP again, and all after it; what was answered before stays in the ledger."""
    with open_client() as client:
        print_ticket(client.rewind_ticket(ticket_id, step), as_json=as_json)


@click.command()
@_id
@click.argument("step")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="What is different, such as customer.name=Ada."
)
@_json
def fork(ticket_id: UUID, step: str, settings: Sequence[str], as_json: bool) -> None:
    """Open a new ticket that starts at STEP of another; the steps before are taken over.

    Fields that can be set: subject, body, customer.email, customer.name, channel, priority,
    external_id, metadata (JSON), not_before; where classify comes before STEP also category, team,
    language and sentiment.
    """
    overrides = read_settings(settings)
    with open_client() as client:
        print_ticket(client.fork_ticket(ticket_id, step, overrides), as_json=as_json)


def read_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Make an object of ``field=value`` pairs; a dot leads into one.

    Raises:
        InvalidInputError: One is no such pair, or what should be JSON is not.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        path, is_pair, value = setting.partition("=")
        *outer, name = path.split(".")
        if not (is_pair and name and all(outer)):
            raise InvalidInputError(f"--set {setting}: write it as FIELD=VALUE")
        place = found
        for each in outer:
            place = place.setdefault(each, {})
            if not isinstance(place, dict):
                raise InvalidInputError(f"--set {setting}: {each} has a value already")
        place[name] = _read_json(value) if path == "metadata" else value
    return found


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"--set metadata={text}: not JSON: {error.msg}") from None
