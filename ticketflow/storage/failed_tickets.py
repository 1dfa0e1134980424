"""Failed tickets, as an operator looks for them, and messages the broker gave up on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, load_only

from ticketflow.storage.models import Ticket
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


@dataclass(frozen=True, slots=True)
class FailedFilter:
    """Which failed tickets are meant; what is left out does not narrow.

    Attributes:
        ids: Exactly these.
        step: Failed at this step.
        error_class: Failed with this class of error.
        older_than: Failed at least this long ago.
    """

    ids: Sequence[UUID] = ()
    step: str | None = None
    error_class: str | None = None
    older_than: timedelta | None = None


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


_SHOWN = (Ticket.id, Ticket.tenant, Ticket.next_step, Ticket.error, Ticket.created_at, Ticket.finished_at)

# The row is locked so that the ids of one ticket's events grow in the order of their commits.
_RECORD = text(f"""
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


def list_failed(session: Session, wanted: FailedFilter, limit: int | None = None) -> Sequence[Ticket]:
    """List failed tickets in the order they failed, without what the customer wrote."""
    query = select(Ticket).options(load_only(*_SHOWN)).where(*_build_conditions(wanted))
    return session.scalars(query.order_by(Ticket.finished_at, Ticket.id).limit(limit)).all()


def list_failed_ids(session: Session, wanted: FailedFilter) -> Sequence[UUID]:
    """List the ids of failed tickets in the order they failed."""
    query = select(Ticket.id).where(*_build_conditions(wanted))
    return session.scalars(query.order_by(Ticket.finished_at, Ticket.id)).all()


def lock_failed(session: Session, ids: Sequence[UUID]) -> Sequence[Ticket]:
    """Lock those of some tickets that are still failed and that nobody else is busy with."""
    query = select(Ticket).where(Ticket.id.in_(ids), Ticket.status == Status.FAILED).order_by(Ticket.id)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def record_dead_letter(session: Session, letter: DeadLetter) -> bool:
    """Write on a ticket's trail that the broker gave a message up.

    Returns:
        Whether that was news: not when the ticket failed with it, nor when it was written before.
    """
    detail = {"reason": letter.reason, "queue": letter.queue}
    return session.execute(_RECORD, asdict(letter) | {"detail": detail}).one_or_none() is not None


def _build_conditions(wanted: FailedFilter) -> list[ColumnElement[bool]]:
    conditions = [Ticket.status == Status.FAILED]
    if wanted.ids:
        conditions.append(Ticket.id.in_(wanted.ids))
    if wanted.step is not None:
        conditions.append(Ticket.next_step == wanted.step)
    if wanted.error_class is not None:
        conditions.append(Ticket.error["class"].astext == wanted.error_class)
    if wanted.older_than is not None:
        conditions.append(Ticket.finished_at <= func.now() - wanted.older_than)
    return conditions
