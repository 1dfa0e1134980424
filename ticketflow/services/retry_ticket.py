"""Try a ticket's step again now: a failed one, or one that waits for its next attempt."""

from typing import Any
from uuid import UUID

from ticketflow.errors import ConflictError
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.models import Ticket
from ticketflow.storage.operations import lock_ticket, requeue_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


def retry_ticket(sessions: Sessions, tenant: str | None, ticket_id: UUID, seen: int | None = None) -> dict[str, Any]:
    """Make a ticket due at the step that failed, with all its attempts; wake a dispatcher after this returns.

    Finished steps are kept and not run again.

    Args:
        tenant: Whose ticket it must be; ``None`` for an operator of the whole system.
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: It did not fail.
    """
    with sessions.begin() as session:
        ticket = lock_ticket(session, tenant, ticket_id, seen)
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
