"""Tickets out of other systems' files: mails, mailboxes, tables and exports of other desks."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ticketflow.cli.entries import Entry
from ticketflow.errors import InvalidInputError
from ticketflow.mail.decoding import decode_body
from ticketflow.mail.markup import MailText
from ticketflow.mail.message import read_mail
from ticketflow.shipped import read_shipped

MAX_SUBJECT = 500
# What an object is that goes to the API as it stands.
_OURS = frozenset(
    {
        "subject",
        "body",
        "customer",
        "channel",
        "priority",
        "external_id",
        "metadata",
        "not_before",
        "received_at",
        "timezone",
    }
)
_LISTS = ("tickets", "issues", "results", "items", "conversations", "data", "payload", "cases", "records")
_PRIORITIES = {
    "lowest": "low", "trivial": "low", "minor": "low", "low": "low", "1": "low", "medium": "normal", "normal": "normal",
    "2": "normal", "high": "high", "major": "high", "3": "high", "urgent": "urgent", "highest": "urgent",
    "critical": "urgent", "blocker": "urgent", "4": "urgent", "niedrig": "low", "mittel": "normal", "hoch": "high",
    "dringend": "urgent",
}  # fmt: skip
_INSTANTS = (
    "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M %z", "%d/%b/%y %I:%M %p", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%d/%m/%Y %H:%M", "%d %b %Y %H:%M", "%d %b %Y",
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s<>@,;\"']{1,64}@[^\s<>@,;\"']{1,190}")
_BINARY = {
    b"\xd0\xcf\x11\xe0": "an Outlook .msg or an old Office file: save it as .eml, or as CSV",
    b"PK\x03\x04": "an archive or an Office file: unpack it, or save the sheet as CSV",
    b"%PDF": "a PDF: send its text",
    b"\x1f\x8b": "packed with gzip: unpack it first",
}
_MAILBOX = re.compile(rb"^From [^\n]*\n", re.MULTILINE)
_DELIMITERS = ",;\t|"


def refuse_binary(raw: bytes, name: str) -> None:
    """Take text.

    Raises:
        InvalidInputError: It is a file of another kind; the message says what to do.
    """
    for magic, what in _BINARY.items():
        if raw.startswith(magic):
            raise InvalidInputError(f"{name} is {what}")


def decode_export(raw: bytes, name: str) -> str:
    """Decode text of any common encoding: UTF-8, UTF-16 with or without a mark, else Windows-1252.

    Raises:
        InvalidInputError: It is no text.
    """
    refuse_binary(raw, name)
    encodings = ["utf-8-sig", "cp1252", "latin-1"]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in raw:  # of Latin letters every second byte is zero
        low, high = raw[0:400:2].count(0), raw[1:400:2].count(0)
        encodings = ["utf-16-le" if high > low else "utf-16-be"] if 2 * max(low, high) > len(raw[:400:2]) else ["utf-8"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        raise InvalidInputError(f"{name} is not text: it has a zero byte")
    raise InvalidInputError(f"{name} is not text of a known encoding: save it as UTF-8")


def read_mail_tickets(raw: bytes, *, is_mailbox: bool) -> list[Entry]:
    """Make a ticket of a mail, or of each mail in a mailbox."""
    if not is_mailbox:
        return [Entry("the mail", build_mail_ticket(raw))]
    mails = [each for each in _MAILBOX.split(raw) if each.strip()]
    return [Entry(f"mail {number}", build_mail_ticket(each)) for number, each in enumerate(mails, start=1)]


def build_mail_ticket(raw: bytes) -> dict[str, Any]:
    """Make a ticket of a mail (RFC 5322)."""
    mail = read_mail(raw.replace(b"\n>From ", b"\nFrom "))
    ticket: dict[str, Any] = {"subject": mail.subject[:MAX_SUBJECT], "body": mail.body, "channel": "email"}
    ticket["customer"] = {"email": mail.email, "name": mail.name and mail.name[:200]}
    if mail.sent_at and mail.sent_at <= datetime.now(UTC):
        ticket["received_at"] = mail.sent_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if mail.message_id:
        ticket["external_id"] = mail.message_id[:200]
    metadata = {"headers": dict(mail.headers), "attachments": list(mail.attachments)}
    ticket["metadata"] = {name: value for name, value in metadata.items() if value}
    return ticket


def build_page_ticket(text: str) -> dict[str, Any]:
    """Make a ticket of an HTML page: its title is the subject."""
    body, _ = decode_body(text)
    return {"subject": (MailText(text).title or body.strip().partition("\n")[0])[:MAX_SUBJECT], "body": body}


def read_table(text: str, name: str, columns: Mapping[str, str]) -> list[Entry]:
    """Make a ticket of each row of a table with a header.

    Args:
        text: Comma-, semicolon- or tab-separated.
        name: The file's, for errors.
        columns: Columns a caller names, by the field they are for.

    Raises:
        InvalidInputError: No column is a subject or a body; the message says how to name them.
    """
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\r\n")), delimiter=delimiter))
    names = {_fold(each) for each in (rows[0] if rows else {}) if each}
    if not any(_fold(each) in names for target in ("subject", "body") for each in _list_sources(target, columns)):
        shown = ", ".join(sorted(names)[:8])
        raise InvalidInputError(
            f"{name} is a csv table without a column for subject or body ({shown}): say which, as --map body=COLUMN"
        )
    return [
        Entry(f"row {number}", build_ticket_of({each: value for each, value in row.items() if each}, columns))
        for number, row in enumerate(rows, start=1)
        if any(row.values())
    ]


def is_table(text: str) -> bool:
    """Tell a table by its first line, which names both a subject and a body."""
    header = text.lstrip("\r\n").partition("\n")[0][:2000]
    names = {_fold(each.strip(' "\r')) for each in re.split(r"[,;\t]", header)}
    return all(names.intersection(_list_sources(target, {})) for target in ("subject", "body"))


def open_exports(entries: list[Entry], columns: Mapping[str, str]) -> list[Entry]:
    """Open the lists that exports of other desks wrap their tickets in, and give the fields our names."""
    if len(entries) == 1 and entries[0].content is not None and not _OURS.intersection(entries[0].content):
        wrapped = next(
            (entries[0].content[each] for each in _LISTS if isinstance(entries[0].content.get(each), list)), None
        )
        if wrapped is not None:
            entries = [
                Entry(f"entry {number}", each)
                if isinstance(each, dict)
                else Entry(f"entry {number}", None, "not an object")
                for number, each in enumerate(wrapped, start=1)
            ]
    return [rename_fields(each, columns) for each in entries]


def rename_fields(entry: Entry, columns: Mapping[str, str]) -> Entry:
    """Give an object of another desk our names; what has ours stays as it is, so that a wrong name is told."""
    content = entry.content
    is_theirs = content is not None and (columns or not {"subject", "body"} <= content.keys() or "requester" in content)
    if content is None or not is_theirs or content.keys() <= _OURS:
        return entry
    ticket = build_ticket_of(content, columns)
    return Entry(entry.place, ticket) if ticket["subject"] or ticket["body"] else entry


def build_ticket_of(record: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Make a ticket of a record of another desk."""
    known = {name: value for name, value in _flatten(record) if value not in (None, "")}

    def find(target: str) -> Iterator[str]:
        return (str(known[name]).strip() for each in _list_sources(target, columns) if (name := _fold(each)) in known)

    email = next((found[0] for each in find("email") if (found := _ADDRESS.search(each))), None)
    person = next((each for each in find("name") if not _ADDRESS.search(each)), None)
    ticket: dict[str, Any] = {
        "subject": " ".join(next(find("subject"), "").split())[:MAX_SUBJECT],
        "body": next(find("body"), ""),
    }
    if email or person:
        ticket["customer"] = {"email": email, "name": person and " ".join(person.split())[:200]}
    ticket |= {
        "channel": next(find("channel"), "")[:50],
        "priority": _PRIORITIES.get(next(find("priority"), "").lower()),
        "external_id": next(find("external id"), "")[:200],
        "received_at": read_instant(next(find("received at"), "")),
    }
    return {name: value for name, value in ticket.items() if value or name in {"subject", "body"}}


def _flatten(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """List the values of a record, of the objects in it as well, by their folded names."""
    for name, value in record.items():
        if isinstance(value, Mapping) and before.count(".") < len(_LISTS):
            yield from _flatten(value, f"{before}{_fold(str(name))}.")
        elif isinstance(value, str | int | float):
            yield f"{before}{_fold(str(name))}", value


def _fold(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split())


def _list_sources(target: str, columns: Mapping[str, str]) -> list[str]:
    return [columns[target], *load_fields()[target]] if target in columns else load_fields()[target]


@cache
def load_fields() -> dict[str, list[str]]:
    """Read where exports keep what."""
    loaded: dict[str, list[str]] = read_shipped(Path(__file__).parent / "export_fields.yaml")
    return loaded


def read_instant(written: str) -> str | None:
    """Read an instant as exports write it, in UTC where they say no zone; ``None`` for what is none, or is to come."""
    instant: datetime | None = None
    for form in (None, *_INSTANTS):
        try:
            instant = datetime.fromisoformat(written) if form is None else datetime.strptime(written, form)  # noqa: DTZ007
            break
        except ValueError:
            continue
    if instant is None:
        return None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant <= datetime.now(UTC) else None
