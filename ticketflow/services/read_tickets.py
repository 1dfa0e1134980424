"""Read tickets, their trail, their ledger, and what people put right on them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from ticketflow.masking import mask_all
from ticketflow.services.views import describe_event, describe_ticket
from ticketflow.storage.corrections import CorrectedTicket, CorrectionFilter, page_corrections
from ticketflow.storage.events import page_events
from ticketflow.storage.ledger import list_steps
from ticketflow.storage.models import TicketStep
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import TicketFilter, find_status, get_ticket, page_tickets
from ticketflow.workflow.transitions import TERMINAL

# A pause is a quarter of the wait so far: an answer is an eighth late on average, and long waits ask seldom.
FIRST_POLL_S = 0.01
LAST_POLL_S = 0.5
WAITED_SHARE = 0.25


def read_ticket(sessions: Sessions, tenant: str, ticket_id: UUID) -> dict[str, Any]:
    """Show one ticket.

    Raises:
        NotFoundError: This tenant has no such ticket.
    """
    with sessions() as session:
        return describe_ticket(get_ticket(session, tenant, ticket_id))


def wait_for_ticket(
    sessions: Sessions, tenant: str, ticket_id: UUID, timeout_s: float, pause: Callable[[float], bool]
) -> dict[str, Any]:
    """Show one ticket as soon as it has ended, or as it stands after ``timeout_s`` seconds.

    No connection is held between looks, which read the status alone; the pause between them grows from 10 ms to half a
    second.

    Args:
        pause: Lets seconds pass, and tells whether to go on waiting.

    Raises:
        NotFoundError: This tenant has no such ticket.
    """
    ticket = read_ticket(sessions, tenant, ticket_id)
    if ticket["status"] in TERMINAL:
        return ticket
    began_at, waited_s = time.monotonic(), 0.0
    while waited_s < timeout_s:
        pause_s = max(WAITED_SHARE * waited_s, FIRST_POLL_S)
        if not pause(min(pause_s, LAST_POLL_S, timeout_s - waited_s)):
            break
        with sessions() as session:
            status = find_status(session, ticket_id)
        if status is None or status in TERMINAL:
            break
        waited_s = time.monotonic() - began_at
    return read_ticket(sessions, tenant, ticket_id)


def read_tickets(
    sessions: Sessions, tenant: str, wanted: TicketFilter, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Show a page of tickets, newest first, and whether an older page follows.

    Card and account numbers are looked for as they are stored: starred.
    """
    masked = replace(wanted, **{each.name: mask_all(getattr(wanted, each.name)) for each in fields(wanted)})
    with sessions() as session:
        rows = page_tickets(session, tenant, masked, limit + 1)
        return [describe_ticket(row) for row in rows[:limit]], len(rows) > limit


def read_events(
    sessions: Sessions, tenant: str, ticket_id: UUID, after: int, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Show a page of a ticket's trail, oldest first, and whether more follow.

    Raises:
        NotFoundError: This tenant has no such ticket.
    """
    with sessions() as session:
        request_id = get_ticket(session, tenant, ticket_id).request_id
        rows = page_events(session, ticket_id, after, limit + 1)
        return [describe_event(row, request_id) for row in rows[:limit]], len(rows) > limit


def read_steps(sessions: Sessions, tenant: str, ticket_id: UUID) -> Sequence[TicketStep]:
    """Show a ticket's ledger in the order steps finished.

    Raises:
        NotFoundError: This tenant has no such ticket.
    """
    with sessions() as session:
        get_ticket(session, tenant, ticket_id)
        return list_steps(session, ticket_id)


def read_corrections(
    sessions: Sessions, tenant: str, wanted: CorrectionFilter, limit: int
) -> tuple[Sequence[CorrectedTicket], bool]:
    """Show a page of corrections, newest first, and whether an older page follows."""
    with sessions() as session:
        rows = page_corrections(session, tenant, wanted, limit + 1)
        return rows[:limit], len(rows) > limit
