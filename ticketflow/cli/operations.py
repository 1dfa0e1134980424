"""``ticketflow cancel``, ``retry``, ``rewind`` and ``fork``: what people do to a ticket."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.each_ticket import do_to_each, print_ticket
from ticketflow.errors import InvalidInputError

_ids = click.argument("ticket_ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
_id = click.argument("ticket_id", metavar="ID", type=click.UUID)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")


@click.command()
@_ids
@click.option("--reason", help="Say why; the tickets' trails keep it.")
@_json
def cancel(ticket_ids: Sequence[UUID], reason: str | None, as_json: bool) -> None:
    """Cancel tickets for good; a step under way changes nothing any more.

    Exit code 1 if one of them cannot be cancelled.
    """
    with open_client() as client:
        do_to_each(ticket_ids, lambda ticket_id: client.cancel_ticket(ticket_id, reason), as_json=as_json)


@click.command()
@_ids
@_json
def retry(ticket_ids: Sequence[UUID], as_json: bool) -> None:
    """Try the failed step of tickets again, now; finished steps are kept.

    Exit code 1 if one of them cannot be tried again.
    """
    with open_client() as client:
        do_to_each(ticket_ids, client.retry_ticket, as_json=as_json)


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
