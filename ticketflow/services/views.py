"""Rows as callers see them: plain JSON, the same over HTTP, on the command line and in stored answers."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ticketflow.storage.corrections import CorrectedTicket
from ticketflow.storage.models import (
    ApiKey,
    Article,
    ArticleVersion,
    Pause,
    Ticket,
    TicketEvent,
    TicketStep,
)
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
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


def describe_correction(row: CorrectedTicket) -> dict[str, Any]:
    """Show a correction beside the words of the customer it is about."""
    correction = row.correction
    return {
        "id": str(correction.id),
        "ticket_id": str(correction.ticket_id),
        "subject": row.subject,
        "body": row.body,
        "field": correction.field,
        "before": correction.before,
        "after": correction.after,
        "note": correction.note,
        "corrected_by": correction.corrected_by,
        "created_at": instant(correction.created_at),
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


def describe_step(step: TicketStep) -> dict[str, Any]:
    """Show a ledger row."""
    return {
        "step": step.step,
        "round": step.round,
        "attempts": step.attempts,
        "generation": step.generation,
        "input_hash": step.input_hash,
        "output": step.output,
        "engines": step.engines,
        "usage": sum_usage(step.engines),
        "started_at": instant(step.started_at),
        "finished_at": instant(step.finished_at),
        "duration_s": step.duration_s,
        "superseded_at": instant(step.superseded_at),
    }


def sum_usage(engines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what engines' contributions cost."""
    spent = list(engines)
    return {
        "input_tokens": sum(each["input_tokens"] for each in spent),
        "output_tokens": sum(each["output_tokens"] for each in spent),
        "cost_usd": round(sum(each["cost_usd"] for each in spent), 8),
    }


def describe_article(article: Article) -> dict[str, Any]:
    """Show an article."""
    return {
        "id": str(article.id),
        "external_id": article.external_id,
        "title": article.title,
        "body": article.body,
        "tags": article.tags,
        "version": article.version,
        "created_at": instant(article.created_at),
        "updated_at": instant(article.updated_at),
    }


def describe_version(version: ArticleVersion) -> dict[str, Any]:
    """Show what an article said in one of its versions."""
    return {
        "id": str(version.article_id),
        "version": version.version,
        "title": version.title,
        "body": version.body,
        "tags": version.tags,
        "created_at": instant(version.created_at),
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


def describe_pause(pause: Pause) -> dict[str, Any]:
    """Show a pause."""
    return {
        "step": pause.step,
        "tenant": pause.tenant,
        "reason": pause.reason,
        "created_at": instant(pause.created_at),
    }


def describe_dead_letter(ticket: Ticket) -> dict[str, Any]:
    """Show why a ticket is parked; nothing of what the customer wrote."""
    return {
        "id": str(ticket.id),
        "tenant": ticket.tenant,
        "step": ticket.next_step,
        "error": ticket.error,
        "parked_at": instant(ticket.finished_at),
        "created_at": instant(ticket.created_at),
    }


def describe_webhook(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Show an endpoint, without its secret."""
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failures": endpoint.failures,
        "failing_since": instant(endpoint.failing_since),
        "version": endpoint.version,
        "created_at": instant(endpoint.created_at),
        "updated_at": instant(endpoint.updated_at),
    }


def describe_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    """Show a delivery and what became of it."""
    return {
        "id": str(delivery.id),
        "type": delivery.type,
        "ticket_id": None if delivery.ticket_id is None else str(delivery.ticket_id),
        "status": delivery.status,
        "attempts": delivery.attempts,
        "response_status": delivery.response_status,
        "error": delivery.error,
        "occurred_at": instant(delivery.occurred_at),
        "last_attempt_at": instant(delivery.last_attempt_at),
        "next_attempt_at": instant(delivery.next_attempt_at),
        "finished_at": instant(delivery.finished_at),
    }


def instant(moment: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
