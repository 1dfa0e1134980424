"""Open a ticket once, however often its caller repeats the request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from ticketflow.errors import IdempotencyMismatchError
from ticketflow.storage.idempotency import RepeatableRequest, reserve_key, store_answer
from ticketflow.storage.session import Sessions


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


def answer_once(
    sessions: Sessions, tenant: str, request: RepeatableRequest | None, open_ticket: Callable[[Session], dict[str, Any]]
) -> Submission:
    """Open a ticket and keep the answer, in one transaction; or give the answer kept earlier.

    Args:
        request: Given when the caller may repeat the request and must get the same answer.
        open_ticket: Makes the ticket and returns it as callers see it.

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
        shown = open_ticket(session)
        ticket_id = UUID(shown["id"])
        if request:
            store_answer(session, tenant, request, ticket_id, shown)
    return Submission(ticket_id, shown, is_replay=False)
