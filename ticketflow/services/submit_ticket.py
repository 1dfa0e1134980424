"""Take a ticket in: ticket, first event and idempotency record in one transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketflow.errors import IdempotencyMismatchError
from ticketflow.observability.failpoints import failpoint
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.idempotency import RepeatableRequest, reserve_key, store_answer
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, record_ticket


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted ticket.

    Attributes:
        ticket: As callers see it, when it was accepted.
        is_replay: Whether it was accepted by an earlier request with the same key.
    """

    ticket_id: UUID
    ticket: dict[str, Any]
    is_replay: bool


def submit_ticket(
    sessions: Sessions, tenant: str, new: NewTicket, first_step: str, request: RepeatableRequest | None = None
) -> Submission:
    """Store a ticket that is due at once; wake a dispatcher after this returns.

    Args:
        first_step: Where the plan starts.
        request: Given when the caller may repeat the request and must get the same answer.

    Raises:
        IdempotencyMismatchError: The key was used with another payload; nothing is stored.
        IdempotencyConflictError: The first request is still running; nothing is stored.
    """
    with sessions.begin() as session:
        earlier = reserve_key(session, tenant, request) if request else None
        if request and earlier:
            if earlier.request_sha256 != request.sha256:
                raise IdempotencyMismatchError("this Idempotency-Key was used before with another payload")
            answer = earlier.response or {}
            return Submission(UUID(answer["id"]), answer, is_replay=True)
        ticket = record_ticket(session, tenant, new, first_step)
        record_event(session, ticket, "ticket.received")
        session.refresh(ticket)
        shown = describe_ticket(ticket)
        if request:
            store_answer(session, tenant, request, ticket.id, shown)
    failpoint("submit.after")
    return Submission(ticket.id, shown, is_replay=False)
