"""Stop a ticket for good, wherever it is."""

from typing import Any
from uuid import UUID

from ticketflow.masking import mask_all
from ticketflow.observability.metrics import count_end
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.operations import lock_ticket, stop_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


def cancel_ticket(
    sessions: Sessions, tenant: str | None, ticket_id: UUID, seen: int | None = None, reason: str | None = None
) -> dict[str, Any]:
    """Cancel a ticket: no step of it starts any more, and what is under way changes nothing.

    Cancelling a cancelled ticket is no error and changes nothing.

    Args:
        tenant: Whose ticket it must be; ``None`` for an operator of the whole system.
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: It has completed.
    """
    with sessions.begin() as session:
        ticket = lock_ticket(session, tenant, ticket_id, seen)
        is_over = ticket.status == Status.CANCELLED
        if not is_over:
            stop_ticket(ticket, Status.CANCELLED)
            detail = mask_all({"reason": reason}) if reason else None
            record_event(session, ticket, EventType.TICKET_CANCELLED, ticket.next_step, detail)
            session.flush()
            session.refresh(ticket)
        shown = describe_ticket(ticket)
    if not is_over and ticket.finished_at is not None:
        count_end(Status.CANCELLED, (ticket.finished_at - ticket.created_at).total_seconds())
    return shown
