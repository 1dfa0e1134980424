"""Labelled data: tickets with what is known to be right about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from ticketflow.errors import InvalidInputError
from ticketflow.services.submit_ticket import take_in
from ticketflow.storage.tickets import NewTicket, build_request, build_ticket
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.state import DEFAULT_TENANT, Priority, Request, Resolution, Sentiment

# What relative dates refer to in a row that does not say when it came: two runs on two days find the same.
RECEIVED_AT = datetime(2026, 1, 15, 10, tzinfo=UTC)

Numbered = Iterable[tuple[str, Mapping[str, Any]]]
"""Objects as read from a file, each with its place in it (``line 3``)."""


class GoldEntity(BaseModel):
    """A fact the ticket states.

    Attributes:
        type: As our engines call it, after mapping.
        value: Any way of writing it; compared without case, blanks and punctuation.
        start: First character, or ``None`` when the data does not say where it stands.
        end: One past the last character.
        field: Which part of the ticket ``start`` and ``end`` count in.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    value: str
    start: int | None = None
    end: int | None = None
    field: Literal["subject", "body"] = "body"


class _Known(BaseModel):
    """What a row may say beside its text, under the same names in a file as here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    label: str | None = None
    entities: tuple[GoldEntity, ...] | None = None
    priority: Priority | None = None
    sentiment: Sentiment | None = None
    language: str | None = None
    resolution: Resolution | None = None
    draft: str | None = None
    sent: str | None = None


class Gold(_Known):
    """What is known to be right about a ticket; ``None`` is not known.

    Attributes:
        label: Its category.
        entities: All facts of the types that the data labels.
        articles: Ids of the articles that answer it, empty when none does.
        priority: How soon it is to be dealt with.
        sentiment: How the customer sounds.
        language: ISO 639-1 code.
        resolution: How it should come out.
        draft: What was drafted when it came.
        sent: What a person sent.
    """

    articles: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket to run and what is known about it.

    Attributes:
        place: Where it stands in its file.
        request: What the steps start from.
        gold: What should come of it.
    """

    place: str
    request: Request
    gold: Gold

    @property
    def text(self) -> str:
        """What the customer wrote, for people to read."""
        return "\n".join(part for part in (self.request["subject"], self.request["body"]) if part)


class _Written(_Known):
    """A row as it stands in a file: a text, or a subject and a body."""

    text: str | None = None
    subject: str = ""
    body: str | None = None
    gold: str | int | list[str | int] | None = None
    received_at: AwareDatetime | None = None
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _must_have_words(self) -> "_Written":
        if (self.text is None) == (self.body is None):
            raise ValueError("give either `text`, or `subject` and `body`")
        return self


def read_rows(source: str, entries: Numbered) -> list[Row]:
    """Check rows as they stand in a file.

    Args:
        source: The file's name, for errors.
        entries: Its objects: ``text``, or ``subject`` and ``body``, and any of ``Gold``'s keys, with
            ``gold`` for the articles (an id, a list of ids, or null when none answers).

    Raises:
        InvalidInputError: One is no row; the message names file, line and key.
    """
    rows = []
    for number, (place, content) in enumerate(entries):
        try:
            written = _Written.model_validate(content)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in problem["loc"])
            message = problem["msg"].removeprefix("Value error, ")
            where = f"{source}: {place}: {key}" if key else f"{source}: {place}"
            raise InvalidInputError(f"{where}: {message}") from None
        known = {name: getattr(written, name) for name in _Known.model_fields}
        subject, body = ("", written.text) if written.text is not None else (written.subject, written.body or "")
        request = _arrive(UUID(int=number), subject, body, written.timezone, written.received_at or RECEIVED_AT)
        # "No article answers it" (``gold`` is null) is not "nobody said" (there is no ``gold``).
        named = written.gold if isinstance(written.gold, list) else [] if written.gold is None else [written.gold]
        articles = frozenset(map(str, named)) if "gold" in written.model_fields_set else None
        rows.append(Row(place, request, Gold(**known, articles=articles)))
    if not rows:
        raise InvalidInputError(f"{source}: there are no rows in it")
    return rows


def read_examples(source: str, entries: Numbered) -> dict[str, list[str]]:
    """Gather the texts of labelled rows by their label, in the order of the file.

    Raises:
        InvalidInputError: A row has no label or no text; the message names file and line.
    """
    examples: dict[str, list[str]] = {}
    for row in read_rows(source, entries):
        if row.gold.label is None:
            raise InvalidInputError(f"{source}: {row.place}: label: must be there, for this is an example of it")
        examples.setdefault(row.gold.label, []).append(row.text)
    return examples


def list_labels(rows: Sequence[Row]) -> list[str]:
    """Name the labels that occur, in alphabetical order."""
    return sorted({row.gold.label for row in rows if row.gold.label is not None})


def rewrite(row: Row, subject: str, body: str, gold: Gold) -> Row:
    """Make another ticket of a row, as if it had come so."""
    was = row.request
    received_at = datetime.fromisoformat(was["received_at"])
    return replace(row, request=_arrive(UUID(was["ticket_id"]), subject, body, was["timezone"], received_at), gold=gold)


def _arrive(ticket_id: UUID, subject: str, body: str, timezone: str, received_at: datetime) -> Request:
    ticket = build_ticket(
        DEFAULT_TENANT,
        take_in(NewTicket(subject=subject, body=body, timezone=timezone)),
        LINEAGE.steps[0],
    )
    ticket.id, ticket.created_at = ticket_id, received_at
    return build_request(ticket)
