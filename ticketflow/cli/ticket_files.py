"""Tickets from files: JSON, JSON lines or plain text, and the keys that keep them from being sent twice."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from importlib.resources import files
from typing import Any, Concatenate, ParamSpec

import click

from ticketflow.cli.entries import Entry, is_json, read_entries, read_input
from ticketflow.errors import InvalidInputError

_Options = ParamSpec("_Options")


def takes_tickets(command: Callable[Concatenate[list[Entry], _Options], None]) -> Callable[..., None]:
    """Give a command the tickets that its FILE argument and options name, as its first argument."""

    @click.argument(
        "source", metavar="[FILE|-]", default="-", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
    )
    @click.option("--subject", help="Subject of a plain-text ticket. Unset: its first line.")
    @click.option("--sample", is_flag=True, help="Take the thirteen tickets that ship with Ticket Flow.")
    @wraps(command)
    def read_first(
        source: str, subject: str | None, sample: bool, *args: _Options.args, **options: _Options.kwargs
    ) -> None:
        entries = read_sample_tickets() if sample else read_tickets(source, subject)
        command(entries, *args, **options)

    return read_first


def read_tickets(source: str, subject: str | None = None) -> list[Entry]:
    """Read the tickets of a file or of standard input.

    Args:
        source: A path, or ``-``.
        subject: Subject of a plain-text ticket; its first line unless given.

    Raises:
        InvalidInputError: There are none, or the input has no format a ticket can have.
    """
    text = read_input(source)
    if not is_json(source, text):
        return [Entry("the ticket", build_text_ticket(text, subject))]
    if subject is not None:
        raise InvalidInputError("--subject: goes with plain text only; a JSON ticket names its own subject")
    entries = read_entries(source, text)
    if not entries:
        raise InvalidInputError("there are no tickets in it")
    return entries


def read_sample_tickets() -> list[Entry]:
    """Read the tickets that ship with Ticket Flow."""
    path = files("ticketflow.samples") / "tickets.jsonl"
    return read_entries("tickets.jsonl", path.read_text(encoding="utf-8"))


def build_text_ticket(text: str, subject: str | None) -> dict[str, Any]:
    """Make a ticket of plain text: the first line is the subject, the rest the body."""
    if subject is not None:
        return {"subject": subject, "body": text.strip()}
    first, _, rest = text.strip().partition("\n")
    return {"subject": first.strip(), "body": rest.strip() or first.strip()}


def build_keys(tickets: Iterable[dict[str, Any]]) -> list[str]:
    """Derive an idempotency key for each ticket from its content, and from how often it came before.

    The same file read again gives the same keys, also after lines were mended, added or moved; two
    tickets that say the same are still two.
    """
    seen: Counter[str] = Counter()
    keys = []
    for ticket in tickets:
        digest = hashlib.sha256(json.dumps(ticket, sort_keys=True).encode()).hexdigest()[:40]
        seen[digest] += 1
        keys.append(f"cli-{digest}-{seen[digest]}")
    return keys
