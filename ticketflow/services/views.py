"""Rows as callers see them: plain JSON, the same over HTTP, on the command line and in stored answers.

What only the API shows is not here: its schemas read it off the row.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ticketflow.storage.models import ApiKey, Ticket, TicketEvent
from ticketflow.workflow.state import PRIORITIES
from ticketflow.workflow.transitions import Status

_FROM_STATE = (
    "team",
    "confidence",
    "alternatives",
    "language",
    "sentiment",
    "reasons",
    "sla",
    "entities",
    "citations",
    "draft",
    "final_response",
    "result",
)


def describe_ticket(ticket: Ticket) -> dict[str, Any]:
    """Show a ticket; what no step has found yet is ``None``."""
    state = ticket.state
    return {
        "id": str(ticket.id),
        "external_id": ticket.external_id,
        "subject": ticket.subject,
        "body": ticket.body,
        "customer": {"email": ticket.customer_email, "name": ticket.customer_name},
        "channel": ticket.channel,
        "metadata": ticket.ticket_metadata,
        "status": str(ticket.status),
        "current_step": ticket.next_step,
        "version": ticket.version,
        "category": state.get("category"),
        "priority": state.get("priority") or PRIORITIES[ticket.priority],
        **{key: state.get(key) for key in _FROM_STATE},
        "review": describe_review(state),
        "approval": describe_approval(ticket),
        "error": ticket.error,
        "not_before": instant(ticket.not_before),
        "forked_from": None if ticket.forked_from is None else str(ticket.forked_from),
        "request_id": ticket.request_id,
        "received_at": state.get("received_at") or instant(ticket.created_at),
        "created_at": instant(ticket.created_at),
        "updated_at": instant(ticket.updated_at),
        "finished_at": instant(ticket.finished_at),
    }


def describe_review(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Show what review thinks of the draft; ``None`` before it has seen one."""
    if "verdict" not in state:
        return None
    return {
        "verdict": state["verdict"],
        "completeness": state["completeness"],
        "scores": state.get("scores"),
        "answer_confidence": state["answer_confidence"],
        "revision": state["revision"],
        "problems": state["problems"],
        "approval": state.get("approval", "not_needed"),  # tickets reviewed before 0003 were not asked about
    }


def describe_approval(ticket: Ticket) -> dict[str, Any] | None:
    """Show what a person is asked; ``None`` unless the ticket waits for them."""
    if ticket.status != Status.AWAITING_APPROVAL or ticket.wake_at is None:
        return None
    request = ticket.state["approval_request"]
    return {
        "requested_at": instant(ticket.wake_at - timedelta(seconds=request["timeout_s"])),
        "expires_at": instant(ticket.wake_at),
        "default_action": request["default_action"],
        "reasons": request["reasons"],
    }


def describe_event(event: TicketEvent, request_id: str | None) -> dict[str, Any]:
    """Show a line of a trail.

    Args:
        request_id: The request its ticket came with.
    """
    return {
        "id": event.id,
        "type": event.type,
        "step": event.step,
        "round": event.round,
        "attempt": event.attempt,
        "generation": event.generation,
        "request_id": request_id,
        "detail": event.detail,
        "created_at": instant(event.created_at),
    }


def sum_usage(engines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what engines' contributions cost."""
    spent = list(engines)
    return {
        "input_tokens": sum(each["input_tokens"] for each in spent),
        "output_tokens": sum(each["output_tokens"] for each in spent),
        "cost_usd": round(sum(each["cost_usd"] for each in spent), 8),
    }


def describe_key(key: ApiKey) -> dict[str, Any]:
    """Show a key; its secret is not known to anybody any more."""
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "created_at": instant(key.created_at),
        "revoked_at": instant(key.revoked_at),
    }


def describe_failed_ticket(ticket: Ticket) -> dict[str, Any]:
    """Show why a ticket failed; nothing of what the customer wrote."""
    return {
        "id": str(ticket.id),
        "tenant": ticket.tenant,
        "step": ticket.next_step,
        "error": ticket.error,
        "parked_at": instant(ticket.finished_at),
        "created_at": instant(ticket.created_at),
    }


def instant(moment: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
