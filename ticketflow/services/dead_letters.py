"""Parked tickets: find them, send them on their way again, or give them up."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ticketflow.services.views import describe_dead_letter
from ticketflow.storage.dead_letters import DeadFilter, list_dead, list_dead_ids, lock_dead
from ticketflow.storage.events import record_event
from ticketflow.storage.operations import requeue_ticket, stop_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status


def read_dead_letters(sessions: Sessions, wanted: DeadFilter, limit: int | None = None) -> list[dict[str, Any]]:
    """Show parked tickets of every tenant, the longest dead first, with their errors."""
    with sessions() as session:
        return [describe_dead_letter(ticket) for ticket in list_dead(session, wanted, limit)]


def find_dead_letters(sessions: Sessions, wanted: DeadFilter) -> Sequence[UUID]:
    """Return the ids of parked tickets of every tenant, the longest dead first."""
    with sessions() as session:
        return list_dead_ids(session, wanted)


def replay_dead_letters(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Make parked tickets due at the step that failed; finished steps are not run again.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still parked; wake a dispatcher for them.
    """
    with sessions.begin() as session:
        tickets = lock_dead(session, ids)
        for ticket in tickets:
            requeue_ticket(ticket, str(ticket.next_step))
            record_event(session, ticket, EventType.TICKET_RETRIED, ticket.next_step)
        return len(tickets)


def purge_dead_letters(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Give parked tickets up: they end as cancelled, and their trail says so.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still parked.
    """
    with sessions.begin() as session:
        tickets = lock_dead(session, ids)
        for ticket in tickets:
            stop_ticket(ticket, Status.CANCELLED)
            detail = {"reason": "dead letter purged"}
            record_event(session, ticket, EventType.TICKET_CANCELLED, ticket.next_step, detail)
        return len(tickets)
