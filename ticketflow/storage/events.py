"""A ticket's trail: append and read."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ticketflow.storage.models import Ticket, TicketEvent


def record_received(session: Session, ticket: Ticket) -> None:
    """Append the first line of a trail."""
    session.execute(
        insert(TicketEvent).values(
            ticket_id=ticket.id, tenant=ticket.tenant, type="ticket.received", generation=ticket.generation
        )
    )


def page_events(session: Session, ticket_id: UUID, after: int, limit: int) -> Sequence[TicketEvent]:
    """List up to ``limit`` events with an id above ``after``, oldest first.

    Ids of one ticket's events grow in commit order, because its row is locked while one is added.
    """
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id, TicketEvent.id > after)
    return session.scalars(query.order_by(TicketEvent.id).limit(limit)).all()
