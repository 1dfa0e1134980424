"""Take a ticket in: ticket, first event and idempotency record in one transaction; payment numbers stay outside."""

from typing import Any

from sqlalchemy.orm import Session

from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.metrics import SUBMITTED
from ticketflow.services.answer_once import Submission, answer_once
from ticketflow.services.mask_ticket import mask_ticket
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.idempotency import RepeatableRequest
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, record_ticket
from ticketflow.workflow.lineage import FIRST_VERSION


def submit_ticket(  # what, whose, and where it starts
    sessions: Sessions,
    tenant: str,
    new: NewTicket,
    first_step: str,
    request: RepeatableRequest | None = None,
    *,
    graph_version: int = FIRST_VERSION,
) -> Submission:
    """Store a ticket that is due at once; wake a dispatcher after this returns.

    Args:
        new: What came in; card and account numbers in it are starred first.
        first_step: Where the plan starts.
        graph_version: Of the graph it starts on.
        request: Given when the caller may repeat the request and must get the same answer.

    Raises:
        IdempotencyMismatchError: The key was used with another payload; nothing is stored.
        IdempotencyConflictError: The first request is still running; nothing is stored.
    """

    def open_ticket(session: Session) -> dict[str, Any]:
        ticket = record_ticket(session, tenant, mask_ticket(new), first_step, graph_version)
        record_event(session, ticket, "ticket.received")
        session.refresh(ticket)
        return describe_ticket(ticket)

    submission = answer_once(sessions, tenant, request, open_ticket)
    if not submission.is_replay:
        failpoint("submit.after")
        SUBMITTED.labels(submission.ticket["priority"]).inc()
    return submission
