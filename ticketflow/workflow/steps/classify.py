"""Step 1: what is this ticket about, who owns it, how urgent is it?"""

from datetime import datetime, timedelta
from typing import TypedDict

from ticketflow.errors import BadModelOutputError
from ticketflow.mail.machine import Reason as IgnoreReason
from ticketflow.mail.machine import Written, find_reason
from ticketflow.workflow.letters import Letters
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Guess, Priority, Request, Sentiment, Sla, find_parts, wanted_of

REQUESTED = "the caller asked for it"


class Due(TypedDict):
    """Until when the category's promise wants this ticket dealt with: RFC 3339 instants in UTC, or ``None``."""

    first_response_due_at: str | None
    resolution_due_at: str | None


class Classification(TypedDict):
    """Keys added by ``classify``; see ``ports.Label`` for units."""

    category: str
    team: str
    confidence: float
    alternatives: list[Guess]
    language: str
    sentiment: Sentiment
    priority: Priority
    reasons: dict[str, str]
    sla: Due | None
    ignored: IgnoreReason | None


def classify(state: Request, tools: Tools) -> Classification:
    """Label the ticket; a priority the caller asked for is kept, unless somebody is in danger.

    Raises:
        BadModelOutputError: The classifier named a category that is not in the taxonomy.
    """
    label = tools.classifier.classify(*wanted_of(state))
    if label.category not in tools.classifier.categories:
        raise BadModelOutputError(f"unknown category {label.category!r}")
    asked = None if "danger" in label.reasons else state["requested_priority"]
    return {
        "category": label.category,
        "team": label.team,
        "confidence": label.confidence,
        "alternatives": label.alternatives,
        "language": label.language,
        "sentiment": label.sentiment,
        "priority": asked or label.priority,
        "reasons": label.reasons | ({"priority": REQUESTED} if asked else {}),
        "sla": label.sla and find_due(label.sla, state["received_at"]),
        "ignored": find_ignored(state, tools.letters),
    }


def find_ignored(state: Request, letters: Letters) -> IgnoreReason | None:
    """Find why no letter is to be written; ``None`` where one is, and where a person wants one."""
    if state.get("is_wanted"):
        return None
    mail = Written(
        subject=state["subject"],
        body=state["body"],
        parts=find_parts(state),
        email=state["customer_email"],
        name=state["customer_name"],
        headers=state.get("headers", {}),
    )
    if letters.wrote(mail.everything):
        return "own_message"
    return find_reason(mail) or ("duplicate" if "repeats" in state else None)


def find_due(sla: Sla, received_at: str) -> Due:
    """Turn promised hours into instants."""
    received = datetime.fromisoformat(received_at)
    first, last = sla["first_response_h"], sla["resolution_h"]
    return {
        "first_response_due_at": None if first is None else _after(received, first),
        "resolution_due_at": None if last is None else _after(received, last),
    }


def _after(received: datetime, hours: float) -> str:
    return (received + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
