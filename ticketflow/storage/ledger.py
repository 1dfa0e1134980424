"""The ledger of steps: read. Rows are written by ``leases.commit_step`` alone."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketflow.storage.models import TicketStep


def list_steps(session: Session, ticket_id: UUID) -> Sequence[TicketStep]:
    """List a ticket's finished steps in the order they finished."""
    query = select(TicketStep).where(TicketStep.ticket_id == ticket_id)
    return session.scalars(query.order_by(TicketStep.finished_at, TicketStep.round)).all()
