"""A ticket's trail: append and read."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.storage.webhook_deliveries import record_deliveries
from ticketflow.workflow.events import WEBHOOK_EVENTS, EventType


def record_event(
    session: Session, ticket: Ticket, event: EventType, step: str | None = None, detail: Mapping[str, Any] | None = None
) -> None:
    """Append a line to the trail of a ticket whose row this transaction has inserted or locked, and tell webhooks."""
    line = insert(TicketEvent).values(
        ticket_id=ticket.id,
        tenant=ticket.tenant,
        type=event,
        step=step,
        generation=ticket.generation,
        detail=dict(detail or {}),
    )
    # Before a statement the session writes what has changed, so that deliveries tell of the ticket after its move.
    event_id = session.scalars(line.returning(TicketEvent.id)).one()
    if event in WEBHOOK_EVENTS:
        record_deliveries(session, ticket.id, event_id)


def page_events(session: Session, ticket_id: UUID, after: int, limit: int) -> Sequence[TicketEvent]:
    """List up to ``limit`` events with an id above ``after``, oldest first.

    Ids of one ticket's events grow in commit order, because its row is locked while one is added.
    """
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id, TicketEvent.id > after)
    return session.scalars(query.order_by(TicketEvent.id).limit(limit)).all()
