"""Try a ticket's step again now: a failed one, or one that waits for its next attempt; or a ticket that was ignored."""

from typing import Any
from uuid import UUID

from ticketflow.errors import ConflictError
from ticketflow.services.rewind_ticket import is_ignored, rewind_locked
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.models import Ticket
from ticketflow.storage.operations import lock_ticket, requeue_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


def retry_ticket(sessions: Sessions, tenant: str | None, ticket_id: UUID, seen: int | None = None) -> dict[str, Any]:
    """Make a ticket due at the step that failed, with all its attempts; wake a dispatcher after this returns.

    Finished steps are kept and not run again. A ticket that was ignored for what it looks like goes through all steps
    again, and is answered.

    Args:
        tenant: Whose ticket it must be; ``None`` for an operator of the whole system.
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: It did not fail, nor was it ignored.
    """
    with sessions.begin() as session:
        ticket = lock_ticket(session, tenant, ticket_id, seen)
        if ticket.status == Status.COMPLETED and is_ignored(ticket):
            return rewind_locked(session, ticket)
        step = find_failed_step(ticket)
        if step is None:
            raise ConflictError(f"the ticket is {ticket.status} and no step of it failed; there is nothing to retry")
        requeue_ticket(ticket, step)
        record_event(session, ticket, EventType.TICKET_RETRIED, step)
        session.flush()
        session.refresh(ticket)
        return describe_ticket(ticket)


def find_failed_step(ticket: Ticket) -> str | None:
    """Return the step a ticket failed at, or waits to try again; ``None`` if nothing failed."""
    is_waiting = ticket.status == Status.PROCESSING and ticket.error is not None and ticket.lease_token is None
    return ticket.next_step if ticket.status == Status.FAILED or is_waiting else None
