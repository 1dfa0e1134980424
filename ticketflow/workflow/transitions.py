"""The statuses a ticket can have and the moves between them. Nothing else decides a move."""

from enum import StrEnum


class Status(StrEnum):
    """Where a ticket stands, as callers see it."""

    QUEUED = "queued"
    PROCESSING = "processing"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.PROCESSING, Status.FAILED, Status.CANCELLED}),
    Status.PROCESSING: frozenset(
        {Status.QUEUED, Status.AWAITING_APPROVAL, Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    ),
    Status.AWAITING_APPROVAL: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.FAILED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.COMPLETED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset(),
}

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
RUNNABLE = frozenset({Status.QUEUED, Status.PROCESSING})
