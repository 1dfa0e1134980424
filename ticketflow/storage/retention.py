"""What is deleted once it is old: ended tickets with all that hangs on them, idempotency keys, kept answers.

Ids of tickets sort by time, so old tickets are found by walking them from the oldest on; no index is needed for it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select, text, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from ticketflow.storage.ids import first_id_at
from ticketflow.storage.models import (
    IdempotencyKey,
    LlmAnswer,
    ResolvedTicket,
    Ticket,
    TicketCorrection,
    TicketEvent,
    TicketSearch,
    TicketStep,
)
from ticketflow.storage.models.webhooks import WebhookDelivery
from ticketflow.workflow.transitions import Status

# Ids are made by the clocks of API hosts, ends are stamped by the database's.
CLOCKS_DIFFER = timedelta(days=1)

# Whose rows belong to a ticket and go with it; a test keeps it complete.
BELONGINGS = (
    IdempotencyKey,
    LlmAnswer,
    ResolvedTicket,
    TicketCorrection,
    TicketEvent,
    TicketSearch,
    TicketStep,
    WebhookDelivery,
)


def count_ended(session: Session, before: datetime, *, with_learned: bool) -> int:
    """Count the tickets that ``delete_ended`` would delete in the end."""
    found = select(func.count()).select_from(Ticket).where(*_are_ended(before, with_learned=with_learned))
    return session.scalar(found) or 0


def delete_ended(session: Session, before: datetime, after: UUID, limit: int, *, with_learned: bool) -> Sequence[UUID]:
    """Delete the oldest tickets that were completed or cancelled before an instant, with all that hangs on them.

    Failed ones stay: whoever gives them up cancels them. One that somebody is moving just now stays for the next time.

    Args:
        after: Where the walk goes on: the last id of the batch before, so that what stays is not walked over each time.
        with_learned: Also tickets that people corrected or whose answers they approved, which the engine learns from.

    Returns:
        Their ids in order; fewer than ``limit`` when no more are left.
    """
    oldest = (
        select(Ticket.id)
        .where(*_are_ended(before, with_learned=with_learned), Ticket.id > after)
        .order_by(Ticket.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(oldest).all()
    if ids:
        session.execute(text("SET LOCAL ticketflow.erasing = on"))  # the one way around the trail's trigger
        for belonging in BELONGINGS:
            session.execute(delete(belonging).where(belonging.ticket_id.in_(ids)))
        session.execute(update(Ticket).where(Ticket.forked_from.in_(ids)).values(forked_from=None))
        session.execute(delete(Ticket).where(Ticket.id.in_(ids)))
    return ids


def count_keys(session: Session, before: datetime) -> int:
    """Count idempotency keys first used before an instant."""
    return _count_old(session, IdempotencyKey.created_at, before)


def delete_keys(session: Session, before: datetime, limit: int) -> int:
    """Delete idempotency keys first used before an instant; a request repeated after that is a new one."""
    return _delete_old(session, IdempotencyKey, before, limit)


def count_answers(session: Session, before: datetime) -> int:
    """Count kept answers of models made before an instant."""
    return _count_old(session, LlmAnswer.created_at, before)


def delete_answers(session: Session, before: datetime, limit: int) -> int:
    """Delete kept answers of models made before an instant."""
    return _delete_old(session, LlmAnswer, before, limit)


def _are_ended(before: datetime, *, with_learned: bool) -> list[ColumnElement[bool]]:
    wanted = [
        Ticket.id < first_id_at(before + CLOCKS_DIFFER),
        Ticket.status.in_([Status.COMPLETED, Status.CANCELLED]),
        Ticket.finished_at < before,
    ]
    if not with_learned:
        wanted += [~exists().where(taught.ticket_id == Ticket.id) for taught in (ResolvedTicket, TicketCorrection)]
    return wanted


def _count_old(session: Session, created_at: InstrumentedAttribute[datetime], before: datetime) -> int:
    return session.scalar(select(func.count()).where(created_at < before)) or 0


def _delete_old(session: Session, model: type[IdempotencyKey | LlmAnswer], before: datetime, limit: int) -> int:
    key = list(model.__table__.primary_key)
    old = select(*key).where(model.created_at < before).limit(limit).with_for_update(skip_locked=True)
    return len(session.execute(delete(model).where(tuple_(*key).in_(old)).returning(key[0])).all())
