"""Failed tickets: find them, send them on their way again, or give them up."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ticketflow.services.views import describe_failed_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.failed_tickets import FailedFilter, list_failed, list_failed_ids, lock_failed
from ticketflow.storage.operations import requeue_ticket, stop_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


def read_failed_tickets(sessions: Sessions, wanted: FailedFilter, limit: int | None = None) -> list[dict[str, Any]]:
    """Show failed tickets of every tenant in the order they failed, with their errors."""
    with sessions() as session:
        return [describe_failed_ticket(ticket) for ticket in list_failed(session, wanted, limit)]


def find_failed_tickets(sessions: Sessions, wanted: FailedFilter) -> Sequence[UUID]:
    """Return the ids of failed tickets of every tenant in the order they failed."""
    with sessions() as session:
        return list_failed_ids(session, wanted)


def replay_failed_tickets(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Make failed tickets due at the step that failed; finished steps are not run again.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still failed; wake a dispatcher for them.
    """
    with sessions.begin() as session:
        tickets = lock_failed(session, ids)
        for ticket in tickets:
            requeue_ticket(ticket, str(ticket.next_step))
            record_event(session, ticket, EventType.TICKET_RETRIED, ticket.next_step)
        return len(tickets)


def purge_failed_tickets(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Give failed tickets up: they end as cancelled, and their trail says so.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still failed.
    """
    with sessions.begin() as session:
        tickets = lock_failed(session, ids)
        for ticket in tickets:
            stop_ticket(ticket, Status.CANCELLED)
            detail = {"reason": "dead letter purged"}
            record_event(session, ticket, EventType.TICKET_CANCELLED, ticket.next_step, detail)
        return len(tickets)
