"""A ticket's trail: append and read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.storage.webhook_deliveries import record_deliveries
from ticketflow.workflow.events import WEBHOOK_EVENTS, EventType


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in the dead-letter queue.

    Attributes:
        ticket_id: The ticket it was for.
        generation: The generation it carries.
        step: The step it asked for.
        reason: RabbitMQ's: ``rejected``, ``expired``, ``maxlen`` or ``delivery_limit``; or ``unroutable``.
        queue: The queue it was in, or should have been in.
    """

    ticket_id: UUID
    generation: int
    step: str
    reason: str
    queue: str


# The row is locked so that the ids of one ticket's events grow in the order of their commits.
_RECORD_DEAD_LETTER = text(f"""
    WITH ticket AS (SELECT id, tenant FROM tickets WHERE id = :ticket_id FOR UPDATE)
    INSERT INTO ticket_events (ticket_id, tenant, type, step, generation, detail)
    SELECT id, tenant, '{EventType.MESSAGE_DEAD_LETTERED}', :step, :generation, :detail FROM ticket
    WHERE NOT EXISTS (
        SELECT FROM ticket_events AS known WHERE known.ticket_id = :ticket_id AND known.generation = :generation
        AND (
            (known.type = '{EventType.TICKET_FAILED}' AND :reason = 'rejected')
            OR (known.type = '{EventType.MESSAGE_DEAD_LETTERED}' AND known.step = :step AND known.detail = :detail)
        )
    )
    RETURNING id
""").bindparams(bindparam("detail", type_=JSONB))


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


def record_dead_letter(session: Session, letter: DeadLetter) -> bool:
    """Write on a ticket's trail that the broker gave a message up.

    Returns:
        Whether that was news: not when the ticket failed with it, nor when it was written before.
    """
    detail = {"reason": letter.reason, "queue": letter.queue}
    return session.execute(_RECORD_DEAD_LETTER, asdict(letter) | {"detail": detail}).one_or_none() is not None


def page_events(session: Session, ticket_id: UUID, after: int, limit: int) -> Sequence[TicketEvent]:
    """List up to ``limit`` events with an id above ``after``, oldest first.

    Ids of one ticket's events grow in commit order, because its row is locked while one is added.
    """
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id, TicketEvent.id > after)
    return session.scalars(query.order_by(TicketEvent.id).limit(limit)).all()
