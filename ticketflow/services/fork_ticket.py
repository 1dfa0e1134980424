"""Make a new ticket out of an old one: keep some of its steps, change something, go on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from ticketflow.adapters.owners import Owners, find_owner
from ticketflow.errors import ConflictError, InvalidInputError
from ticketflow.masking import mask_all
from ticketflow.observability.metrics import SUBMITTED
from ticketflow.services.answer_once import Submission, answer_once
from ticketflow.services.submit_ticket import mask_ticket
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.idempotency import RepeatableRequest
from ticketflow.storage.ledger import copy_steps, list_steps_that_count, replay_state, split_ledger
from ticketflow.storage.models import Ticket, TicketStep
from ticketflow.storage.operations import lock_ticket
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, keep_request, record_ticket
from ticketflow.workflow.events import EventType
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.steps.classify import REQUESTED


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is different in the fork.

    Attributes:
        request: Fields of ``NewTicket`` to replace. A priority counts as found out where classifying is kept.
        state: What kept steps found out, to replace: ``category``, ``team``, ``language`` and so on.
    """

    request: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


def give_to_team(overrides: Overrides, owners: Owners) -> Overrides:
    """Check the category that overrides name, and give the fork to its team unless they name another.

    Raises:
        InvalidInputError: There is no such category; the message names those there are.
    """
    team = find_owner(owners, overrides.state["category"], "overrides.category").team
    return replace(overrides, state={**overrides.state, "team": overrides.state.get("team", team)})


def fork_ticket(  # noqa: PLR0913  # what to fork, and on which conditions
    sessions: Sessions,
    tenant: str,
    ticket_id: UUID,
    step: str,
    overrides: Overrides,
    *,
    seen: int | None = None,
    request: RepeatableRequest | None = None,
) -> Submission:
    """Open a ticket that starts at ``step`` of another one; wake a dispatcher after this returns.

    The old ticket goes its own way; only its trail says that it was forked.

    Args:
        tenant: Whose ticket it must be.
        step: A finished step of the old ticket, or the one it stands at.
        seen: The version the caller decided on; ``None`` takes whatever is there.
        request: Given when the caller may repeat the request and must get the same answer.

    Returns:
        The new ticket.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: The old ticket never came to that step.
        InvalidInputError: An override concerns what the fork finds out again by itself.
        IdempotencyMismatchError: The key was used with another payload; nothing is stored.
        IdempotencyConflictError: The first request is still running; nothing is stored.
    """

    def open_fork(session: Session) -> dict[str, Any]:
        source = lock_ticket(session, tenant, ticket_id, seen)
        kept, undone = split_ledger(list_steps_that_count(session, ticket_id), step)
        if not undone and step != source.next_step:
            raise ConflictError(f"the ticket has not come to step {step!r}; fork it from one that it finished")
        fork = _record_fork(session, source, step, (kept, undone), overrides)
        record_event(session, source, EventType.TICKET_FORKED, step, {"fork": str(fork.id)})
        session.flush()
        session.refresh(fork)
        return describe_ticket(fork)

    submission = answer_once(sessions, tenant, request, open_fork)
    if not submission.is_replay:
        SUBMITTED.labels(submission.ticket["priority"]).inc()
    return submission


def _record_fork(
    session: Session,
    source: Ticket,
    step: str,
    ledger: tuple[Sequence[TicketStep], Sequence[TicketStep]],
    overrides: Overrides,
) -> Ticket:
    kept, undone = ledger
    request = keep_request(source.state)
    kept_texts = [entity for entity in request["masked"] if entity["field"] not in overrides.request]
    new = NewTicket(
        subject=source.subject,
        body=source.body,
        customer_email=source.customer_email,
        customer_name=source.customer_name,
        channel=source.channel,
        priority=request["requested_priority"],
        external_id=source.external_id,
        metadata=source.ticket_metadata,
        timezone=request["timezone"],
        received_at=datetime.fromisoformat(request["received_at"]) if "received_at" in request else None,
    )
    new = mask_ticket(replace(new, masked=kept_texts, **overrides.request))
    graph_version = min(source.graph_version, LINEAGE.version)
    fork = record_ticket(session, source.tenant, new, step, graph_version)
    state = replay_state(source.state | keep_request(fork.state), kept, undone)
    # Whoever asks for a fork wants it answered, whatever it looks like: it says what its source said.
    wanted = {"is_wanted": True, **({"ignored": None} if "ignored" in state else {})}
    fork.state = state | wanted | _find_changes(overrides, state, step)
    fork.version = len(kept) + 1
    fork.forked_from = source.id
    copy_steps(session, fork.id, kept)
    record_event(session, fork, EventType.TICKET_RECEIVED, detail={"forked_from": str(source.id), "step": step})
    for finished in kept:
        record_event(session, fork, EventType.STEP_COMPLETED, finished.step, {"copied_from": str(source.id)})
    return fork


def _find_changes(overrides: Overrides, state: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Return what to change in the state that kept steps left behind."""
    for name in overrides.state:
        if name not in state:
            raise InvalidInputError(
                f"overrides.{name}: no step before {step!r} finds it out, so the fork would overwrite it;"
                " fork from a later step or leave it out"
            )
    changes: dict[str, Any] = mask_all(dict(overrides.state))
    if "priority" in state and overrides.request.get("priority"):
        changes["priority"] = overrides.request["priority"]
        changes["reasons"] = state["reasons"] | {"priority": REQUESTED}
    return changes
