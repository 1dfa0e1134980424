"""Failed tickets, as an operator looks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, load_only

from ticketflow.storage.models import Ticket
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


_SHOWN = (Ticket.id, Ticket.tenant, Ticket.next_step, Ticket.error, Ticket.created_at, Ticket.finished_at)


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
