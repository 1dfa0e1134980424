"""Moves of a ticket that people make: each locks the row, so that no step can commit in between."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.models import Ticket
from ticketflow.workflow.transitions import MOVES, TERMINAL, Status


def lock_ticket(session: Session, tenant: str | None, ticket_id: UUID, seen: int | None = None) -> Ticket:
    """Read a ticket and keep everybody else from changing it until the transaction ends.

    Args:
        tenant: Whose ticket it must be; ``None`` for an operator of the whole system.
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
    """
    query = select(Ticket).where(Ticket.id == ticket_id).with_for_update()
    if tenant is not None:
        query = query.where(Ticket.tenant == tenant)
    ticket = session.scalar(query)
    if ticket is None:
        raise NotFoundError(f"no ticket {ticket_id}")
    if seen is not None and ticket.version != seen:
        raise VersionConflictError(f"the ticket is at version {ticket.version}, not {seen}; read it again")
    return ticket


def stop_ticket(ticket: Ticket, status: Status) -> None:
    """End a locked ticket: whoever works on it can no longer commit, and no message of it counts.

    Raises:
        ConflictError: A ticket in its status cannot end so.
    """
    _move(ticket, status)
    _let_go(ticket)
    ticket.wake_at = None
    ticket.finished_at = func.now()


def requeue_ticket(
    ticket: Ticket, step: str, state: Mapping[str, Any] | None = None, graph_version: int | None = None
) -> None:
    """Make a locked ticket due at ``step`` as if it had never been tried, whatever it was doing.

    Args:
        graph_version: Of the graph the step belongs to; left out, the one the ticket is on.
        state: What it knows from here on; left out, what it knew.

    Raises:
        ConflictError: A ticket in its status cannot be taken up again.
    """
    if ticket.status != Status.QUEUED:
        _move(ticket, Status.QUEUED)
    _let_go(ticket)
    ticket.next_step = step
    ticket.graph_version = graph_version or ticket.graph_version
    ticket.wake_at = func.now()
    ticket.finished_at = None
    ticket.error = None
    if state is not None:
        ticket.state = dict(state)


def _move(ticket: Ticket, status: Status) -> None:
    now = Status(ticket.status)
    if status not in MOVES[now]:
        means = " for good" if not MOVES[now] else ""
        raise ConflictError(f"the ticket is {now}{means if now in TERMINAL else ''}; it cannot become {status}")
    ticket.status = status


def _let_go(ticket: Ticket) -> None:
    """Make every message and lease there is worthless, and forget what was counted."""
    ticket.generation += 1
    ticket.version += 1
    ticket.lease_token = None
    ticket.lease_until = None
    ticket.holder = None
    ticket.lost_holders = {}
    ticket.is_in_flight = False
    ticket.attempt = ticket.deaths = ticket.dispatches = 0
    ticket.updated_at = func.now()
