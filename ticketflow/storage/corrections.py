"""What people put right: append, and read back as examples and evaluation data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Ticket, TicketCorrection


@dataclass(frozen=True, slots=True)
class Change:
    """What a person made of what the engine gave.

    Attributes:
        field: ``category``, ``priority``, ``entities`` or ``final_response``.
        before: The engine's value.
        after: The person's value; the same when they found nothing to change.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class CorrectionFilter:
    """What a page of corrections is narrowed to; ``None`` does not narrow.

    Attributes:
        before_id: Only corrections older than this one: the key of the next page.
    """

    field: str | None = None
    since: datetime | None = None
    before_id: UUID | None = None


class CorrectedTicket(NamedTuple):
    """A correction and the ticket it is about, as received."""

    correction: TicketCorrection
    subject: str
    body: str


def record_correction(session: Session, ticket: Ticket, change: Change, by: str | None, note: str | None) -> None:
    """Keep a correction of a ticket whose row this transaction has locked."""
    session.execute(
        insert(TicketCorrection).values(
            id=new_id(),
            ticket_id=ticket.id,
            tenant=ticket.tenant,
            field=change.field,
            before=change.before,
            after=change.after,
            note=note,
            corrected_by=by,
        )
    )


def page_corrections(session: Session, tenant: str, wanted: CorrectionFilter, limit: int) -> Sequence[CorrectedTicket]:
    """List up to ``limit`` corrections, newest first."""
    query = select(TicketCorrection, Ticket.subject, Ticket.body).join(Ticket, Ticket.id == TicketCorrection.ticket_id)
    query = query.where(TicketCorrection.tenant == tenant)
    if wanted.field is not None:
        query = query.where(TicketCorrection.field == wanted.field)
    if wanted.since is not None:
        query = query.where(TicketCorrection.created_at >= wanted.since)
    if wanted.before_id is not None:
        query = query.where(TicketCorrection.id < wanted.before_id)
    rows = session.execute(query.order_by(TicketCorrection.id.desc()).limit(limit))
    return [CorrectedTicket(*row) for row in rows]
