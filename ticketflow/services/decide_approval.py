"""Let a person decide what becomes of a draft: send it, change it, have it written again, or send nothing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from ticketflow.adapters.resolved_tickets import remember_resolution
from ticketflow.errors import ConflictError, InvalidInputError
from ticketflow.masking import mask_text
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.metrics import APPROVAL_WAIT
from ticketflow.services.answer_once import Submission, answer_once
from ticketflow.services.views import describe_ticket
from ticketflow.storage.corrections import Change, record_correction
from ticketflow.storage.events import record_event
from ticketflow.storage.idempotency import RepeatableRequest
from ticketflow.storage.models import Ticket
from ticketflow.storage.operations import lock_ticket, requeue_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.approval import Action, Decision, Rejection
from ticketflow.workflow.events import EventType
from ticketflow.workflow.state import Problem
from ticketflow.workflow.transitions import Status

UNEXPLAINED = "a person rejected the draft and did not say why"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of a draft.

    Attributes:
        by: Id of their API key.
        final_response: The reply to send instead; with ``edit``, and only then.
        note: Why, in their words; whoever writes the next draft reads it.
    """

    action: Action
    by: str
    final_response: str | None = None
    note: str | None = None


def decide_approval(
    sessions: Sessions,
    tenant: str,
    ticket_id: UUID,
    judgement: Judgement,
    seen: int,
    request: RepeatableRequest | None = None,
) -> Submission:
    """Send a ticket on that waits for a person; wake a dispatcher after this returns.

    Args:
        tenant: Whose ticket it must be.
        seen: The version of the ticket they read the draft in.
        request: Given when the caller may repeat the request and must get the same answer.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since: somebody else may have decided.
        ConflictError: It does not wait for a person.
        InvalidInputError: The reply holds a full card or account number.
        IdempotencyMismatchError: The key was used with another payload; nothing is stored.
        IdempotencyConflictError: The first request is still running; nothing is stored.
    """
    refuse_payment_numbers(judgement.final_response or "")
    waited_s = 0.0

    def decide(session: Session) -> dict[str, Any]:
        nonlocal waited_s
        ticket = lock_ticket(session, tenant, ticket_id, seen)
        if ticket.status != Status.AWAITING_APPROVAL:
            raise ConflictError(f"the ticket is {ticket.status}; nobody is asked to decide about it")
        # Its clock rings when the time to decide is up.
        timeout = timedelta(seconds=ticket.state.get("approval_request", {}).get("timeout_s", 0))
        asked_at = (ticket.wake_at or ticket.updated_at) - timeout
        apply_judgement(session, ticket, judgement)
        session.flush()
        session.refresh(ticket)
        waited_s = (ticket.updated_at - asked_at).total_seconds()
        return describe_ticket(ticket)

    submission = answer_once(sessions, tenant, request, decide)
    if not submission.is_replay:
        failpoint("decide.after")
        APPROVAL_WAIT.labels(judgement.action).observe(waited_s)
    return submission


def refuse_payment_numbers(reply: str) -> None:
    """Check what review checks of any draft: that no full card or account number goes out.

    Raises:
        InvalidInputError: One would.
    """
    if mask_text(reply) != reply:
        raise InvalidInputError("final_response: it holds a full card or account number; leave out most of its digits")


def apply_judgement(session: Session, ticket: Ticket, judgement: Judgement) -> None:
    """Send a locked ticket on as a person decided, and keep what can be learnt from it."""
    step, state = str(ticket.next_step), ticket.state
    if judgement.action == "reject":
        rejection = build_rejection(state, judgement)
        step = state["approval_request"]["rejected_to"]
        requeue_ticket(ticket, step, {**state, "rejection": rejection, "problems": rejection["problems"]})
    else:
        decision = build_decision(judgement)
        requeue_ticket(ticket, step, {**state, "decision": decision})
        if judgement.action != "ignore":
            sent = decision.get("final_response", state["draft"])
            change = Change("final_response", before=state["draft"], after=sent)
            record_correction(session, ticket, change, judgement.by, _mask(judgement.note))
            if state.get("resolution") == "answered" or judgement.action == "edit":
                remember_resolution(session, ticket, sent)
    detail = {"action": judgement.action, "by": judgement.by, "note": _mask(judgement.note)}
    given = {name: value for name, value in detail.items() if value}
    record_event(session, ticket, EventType.APPROVAL_GIVEN, step, given)


def build_decision(judgement: Judgement) -> Decision:
    """Write a decision down as the last step reads it."""
    decision = Decision(action=judgement.action, by=judgement.by)  # type: ignore[typeddict-item]  # not a rejection
    if judgement.final_response is not None:
        decision["final_response"] = judgement.final_response
    return decision


def build_rejection(state: dict[str, Any], judgement: Judgement) -> Rejection:
    """Tell the writer of the next draft what is wrong: the note, and each quote turned down so far."""
    said = Problem(code="rejected", detail=_mask(judgement.note) or UNEXPLAINED)
    quotes = [
        Problem(code="rejected", detail="a person rejected the draft that quoted this", quote=citation["quote"])
        for citation in state.get("citations", [])
    ]
    earlier = state.get("rejection", {}).get("problems", [])
    return {"by": judgement.by, "problems": [said, *quotes, *earlier]}


def _mask(note: str | None) -> str | None:
    return None if note is None else mask_text(note)
