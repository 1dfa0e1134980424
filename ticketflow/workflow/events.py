"""What a ticket's trail can tell, and what webhooks are told of it."""

from enum import StrEnum


class EventType(StrEnum):
    """What happened to a ticket, as callers see it; a graph whose loop leads back to another step says its name."""

    TICKET_RECEIVED = "ticket.received"
    STEP_STARTED = "step.started"
    STEP_COMPLETED = "step.completed"
    STEP_FELL_BACK = "step.fell_back"
    STEP_RETRYING = "step.retrying"
    STEP_LEASE_EXPIRED = "step.lease_expired"
    STEP_FAILED = "step.failed"
    DRAFT_REVISED = "draft.revised"
    MESSAGE_DEAD_LETTERED = "message.dead_lettered"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_EXPIRED = "approval.expired"
    TICKET_CORRECTED = "ticket.corrected"
    TICKET_COMPLETED = "ticket.completed"
    TICKET_FAILED = "ticket.failed"
    TICKET_CANCELLED = "ticket.cancelled"
    TICKET_RETRIED = "ticket.retried"
    TICKET_GRAPH_CHANGED = "ticket.graph_changed"
    TICKET_REWOUND = "ticket.rewound"
    TICKET_FORKED = "ticket.forked"


WEBHOOK_EVENTS = {
    EventType.TICKET_COMPLETED: "ticket.completed",
    EventType.TICKET_FAILED: "ticket.failed",
    EventType.TICKET_CANCELLED: "ticket.cancelled",
    EventType.APPROVAL_REQUESTED: "ticket.awaiting_approval",
}
"""What webhooks can be told of, by the event of the trail that it follows from."""
