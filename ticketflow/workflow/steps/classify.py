"""Step 1: what is this ticket about, who owns it, how urgent is it?"""

from typing import TypedDict

from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Guess, Priority, Request, Sentiment


class Classification(TypedDict):
    """Keys added by ``classify``; see ``ports.Label`` for units."""

    category: str
    team: str
    confidence: float
    alternatives: list[Guess]
    language: str
    sentiment: Sentiment
    priority: Priority


def classify(state: Request, tools: Tools) -> Classification:
    """Label the ticket; a priority the caller asked for is kept.

    Raises:
        BadModelOutputError: The classifier named a category that is not in the taxonomy.
    """
    label = tools.classifier.classify(state["subject"], state["body"])
    if label.category not in tools.classifier.categories:
        raise BadModelOutputError(f"unknown category {label.category!r}")
    return {
        "category": label.category,
        "team": label.team,
        "confidence": label.confidence,
        "alternatives": label.alternatives,
        "language": label.language,
        "sentiment": label.sentiment,
        "priority": state["requested_priority"] or label.priority,
    }
