"""Tickets from files of any kind, and the keys that keep them from being sent twice."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from importlib.resources import files
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from ticketflow.cli.entries import Entry, is_json, name_input, read_entries, read_raw
from ticketflow.cli.ticket_exports import (
    build_page_ticket,
    decode_export,
    is_table,
    open_exports,
    read_mail_tickets,
    read_table,
)
from ticketflow.errors import InvalidInputError
from ticketflow.mail.message import is_mail

FIELDS = ("subject", "body", "email", "name", "received_at", "priority", "external_id", "channel")
_Options = ParamSpec("_Options")


def takes_tickets(command: Callable[Concatenate[list[Entry], _Options], None]) -> Callable[..., None]:
    """Give a command the tickets that its FILE argument and options name, as its first argument."""

    @click.argument(
        "source", metavar="[FILE|-]", default="-", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
    )
    @click.option("--subject", help="Subject of a plain-text ticket. Unset: its first line.")
    @click.option(
        "--map",
        "columns",
        metavar="FIELD=NAME",
        multiple=True,
        help=f"Where an export keeps {', '.join(FIELDS)}, if not under a name that is known.",
    )
    @click.option("--sample", is_flag=True, help="Take the fourteen tickets that ship with Ticket Flow.")
    @wraps(command)
    def read_first(
        source: str,
        subject: str | None,
        columns: tuple[str, ...],
        sample: bool,
        *args: _Options.args,
        **options: _Options.kwargs,
    ) -> None:
        entries = read_sample_tickets() if sample else read_tickets(source, subject, read_columns(columns))
        command(entries, *args, **options)

    return read_first


def read_columns(given: Iterable[str]) -> dict[str, str]:
    """Read where an export keeps what.

    Raises:
        InvalidInputError: One is not a field and a name.
    """
    pairs = [each.partition("=") for each in given]
    for target, _, column in pairs:
        if target not in FIELDS or not column:
            raise InvalidInputError(f"--map: must be FIELD=NAME, with one of {', '.join(FIELDS)}")
    return {target.replace("_", " "): column for target, _, column in pairs}


def read_tickets(source: str, subject: str | None = None, columns: Mapping[str, str] | None = None) -> list[Entry]:
    """Read the tickets of a file or of standard input: JSON, a table, mails, an HTML page or plain text.

    Args:
        source: A path, or ``-``.
        subject: Subject of a plain-text ticket; its first line unless given.
        columns: Where an export keeps what, by our fields, where its own names do not say so.

    Raises:
        InvalidInputError: There are none, or the input has no format a ticket can have.
    """
    raw, name, suffix = read_raw(source), name_input(source), Path(source).suffix.lower()
    text = decode_export(raw, name)
    if not text.strip():
        raise InvalidInputError(f"{name} is empty")
    entries = _read_other(raw, text, suffix, name, columns or {})
    if entries is None and not is_json(source, text):
        return [Entry("the ticket", build_text_ticket(text, subject))]
    if subject is not None:
        raise InvalidInputError("--subject: goes with plain text only; other tickets name their own subject")
    if entries is None:
        entries = open_exports(read_entries(source, text), columns or {})
    if not entries:
        raise InvalidInputError("there are no tickets in it")
    return entries


def _read_other(raw: bytes, text: str, suffix: str, name: str, columns: Mapping[str, str]) -> list[Entry] | None:
    """Read what is neither JSON nor plain text; ``None`` for those."""
    is_plain = suffix in {".txt", ".md", ".json", ".jsonl", ".ndjson"}
    if suffix == ".mbox" or (not is_plain and raw.startswith(b"From ") and is_mail(text)):
        return read_mail_tickets(raw, is_mailbox=True)
    if suffix == ".eml" or (not is_plain and is_mail(text)):
        return read_mail_tickets(raw, is_mailbox=False)
    if suffix in {".html", ".htm"}:
        return [Entry("the page", build_page_ticket(text))]
    if suffix in {".csv", ".tsv"} or (not is_plain and not is_json(name, text) and is_table(text)):
        return read_table(text, name, columns)
    return None


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
