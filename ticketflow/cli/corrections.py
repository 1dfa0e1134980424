"""``ticketflow corrections``: what people put right, as data to learn from and to evaluate with."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from ticketflow.cli.client import open_client
from ticketflow.cli.terminal import print_json

Correction = dict[str, Any]


def _text(correction: Correction) -> str:
    return "\n".join(part for part in (correction["subject"], correction["body"]) if part)


# What `ticketflow eval` reads, by field.
ROWS: dict[str, Callable[[Correction], dict[str, Any]]] = {
    "category": lambda each: {"text": _text(each), "label": each["after"]},
    "priority": lambda each: {"text": _text(each), "priority": each["after"]},
    "entities": lambda each: {"subject": each["subject"], "body": each["body"], "entities": each["after"]},
    "final_response": lambda each: {"text": _text(each), "draft": each["before"], "sent": each["after"]},
}


@click.group()
def corrections() -> None:
    """Export what people corrected, accepted and edited."""


@corrections.command()
@click.option("--field", type=click.Choice(list(ROWS)), help="Only this field. Unset: all of them.")
@click.option("--since", help="Only what was corrected then or later, such as 2026-01-31T00:00:00Z.")
def export(field: str | None, since: str | None) -> None:
    """Print corrections as JSON lines for `ticketflow eval`, the oldest first.

    Of a ticket that was corrected several times the last one counts.
    """
    wanted = {"field": field, "since": since}
    with open_client() as client:
        found = client.list_corrections(**{name: value for name, value in wanted.items() if value})
    for correction in reversed(keep_last(found)):
        print_json(ROWS[correction["field"]](correction))


def keep_last(newest_first: Iterable[Correction]) -> list[Correction]:
    """Keep the newest correction of each field of each ticket."""
    last: dict[tuple[str, str], Correction] = {}
    for each in newest_first:
        last.setdefault((each["ticket_id"], each["field"]), each)
    return list(last.values())
