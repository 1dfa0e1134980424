"""``ticketflow keys``: who may call the API."""

import re
from typing import Any

import click

from ticketflow.cli.terminal import print_json, print_line, results, say

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _check_tenant(_context: click.Context, _parameter: click.Parameter, value: Any) -> str:
    if not _TENANT.fullmatch(value):
        raise click.BadParameter("up to 63 small letters, digits, hyphens and underscores, a letter or digit first")
    return str(value)


tenant_option = click.option(
    "--tenant", default="default", show_default=True, callback=_check_tenant, help="Whose it is; none sees another's."
)


@click.group()
def keys() -> None:
    """Create, list and revoke API keys, in the database itself."""


@keys.command()
@click.argument("name")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(name: str, tenant: str, as_json: bool) -> None:
    """Make a key for the program NAME and print it, this once.

    A tenant begins with its first key: its tickets, articles, webhooks and pauses are its own.
    """
    from ticketflow.cli.database import open_sessions
    from ticketflow.services.keys import create_key

    with open_sessions() as sessions:
        key = create_key(sessions, name, tenant)
    if as_json:
        print_json({"id": key.split("_")[1], "name": name.strip(), "tenant": tenant, "key": key})
        return
    print_line(key)
    say("keep it safe: it cannot be shown again")


@keys.command("list")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a key.")
def list_(tenant: str, as_json: bool) -> None:
    """List the keys, revoked ones too; their secrets are not known to anybody any more."""
    from ticketflow.cli.database import open_sessions
    from ticketflow.cli.ticket_view import build_table
    from ticketflow.services.keys import read_keys

    with open_sessions() as sessions:
        found = read_keys(sessions, tenant)
    if as_json:
        for key in found:
            print_json(key)
        return
    if not found:
        say("there are no keys; `ticketflow keys create NAME` makes one")
        return
    rows = [(key["id"], key["created_at"], key["revoked_at"] or "-", key["name"]) for key in found]
    results().print(build_table("API keys", ("id", "created", "revoked", "name"), rows))


@keys.command()
@click.argument("key_id", metavar="ID")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def revoke(key_id: str, tenant: str, as_json: bool) -> None:
    """Revoke a key; takes effect with the next request."""
    from ticketflow.cli.database import open_sessions
    from ticketflow.services.keys import end_key

    with open_sessions() as sessions:
        key = end_key(sessions, key_id, tenant)
    if as_json:
        print_json(key)
    else:
        print_line(f"{key['id']} ({key['name']}) is revoked since {key['revoked_at']}")
