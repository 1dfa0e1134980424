"""Take a ticket back to one of its finished steps and go on from there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from ticketflow.errors import ConflictError
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.ledger import list_steps_that_count, replay_state, split_ledger, supersede_steps
from ticketflow.storage.models import Ticket, TicketStep
from ticketflow.storage.operations import lock_ticket, requeue_ticket
from ticketflow.storage.resolved_tickets import remove_resolution
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.graph import LINEAGE


def rewind_ticket(
    sessions: Sessions, tenant: str | None, ticket_id: UUID, step: str, seen: int | None = None
) -> dict[str, Any]:
    """Run a finished step again, and all after it; wake a dispatcher after this returns.

    The ticket knows again what it knew before it first came to ``step``, and what people have
    corrected of that. Ledger rows of what is done again stay, marked as superseded; the new ones
    get further rounds. A decision about a draft is dropped: whoever made it is asked again.

    A ticket at a step this version does not know, such as a release that was rolled back leaves behind,
    comes to this one's graph so; to the first step it may go back even if it never was there.

    Args:
        tenant: Whose ticket it must be; ``None`` for an operator of the whole system.
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: It never finished that step, or was cancelled.
    """
    with sessions.begin() as session:
        ticket = lock_ticket(session, tenant, ticket_id, seen)
        return rewind_locked(session, ticket, step)


def rewind_locked(session: Session, ticket: Ticket, step: str | None = None) -> dict[str, Any]:
    """Do it to a ticket that is locked; whoever takes an ignored one back wants it answered, whatever it looks like.

    Args:
        step: The first it has finished, if left out.

    Raises:
        ConflictError: It never finished that step, or was cancelled.
    """
    finished = list_steps_that_count(session, ticket.id)
    step = step or next((each.step for each in finished), LINEAGE.steps[0])
    kept, undone = _split(ticket, finished, step)
    was = ticket.status
    known = min(ticket.graph_version, LINEAGE.version)
    wanted = {"is_wanted": True, "ignored": None} if is_ignored(ticket) else {}
    requeue_ticket(ticket, step, replay_state(ticket.state, kept, undone) | wanted, known)
    if undone:
        supersede_steps(session, ticket.id, undone[0].ticket_version)
    remove_resolution(session, ticket.id)
    detail = {"from_status": was, "superseded": [f"{each.step}#{each.round}" for each in undone]}
    record_event(session, ticket, EventType.TICKET_REWOUND, step, detail)
    session.flush()
    session.refresh(ticket)
    return describe_ticket(ticket)


def is_ignored(ticket: Ticket) -> bool:
    """Tell whether a ticket ended without a letter because of what it looks like."""
    return bool(ticket.state.get("ignored"))


def _split(
    ticket: Ticket, finished: Sequence[TicketStep], step: str
) -> tuple[Sequence[TicketStep], Sequence[TicketStep]]:
    """Split a ledger into what is kept and what is done again.

    Raises:
        ConflictError: The ticket cannot go back to that step.
    """
    kept, undone = split_ledger(finished, step)
    if undone:
        return kept, undone
    if step == LINEAGE.steps[0] and not LINEAGE.knows(ticket.graph_version, ticket.next_step):
        return (), finished
    names = ", ".join(dict.fromkeys(each.step for each in finished)) or "none yet"
    raise ConflictError(f"the ticket has not finished step {step!r}; it can go back to: {names}")
