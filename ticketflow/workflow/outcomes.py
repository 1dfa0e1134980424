"""What can come of running a step; the Celery task turns each into what the broker should do.

Each is counted by its ``label``.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Committed:
    """The step took effect.

    Attributes:
        next_step: The step to run next, or ``None`` when the ticket is finished.
        is_chain_valid: Whether the chain this step belongs to leads there; a loop, or a person's decision, starts
            another.
    """

    label: ClassVar = "committed"
    next_step: str | None
    is_chain_valid: bool


@dataclass(frozen=True, slots=True)
class Retrying:
    """The step failed in a way that may pass; the clock is set."""

    label: ClassVar = "retrying"
    delay: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The ticket failed and waits for somebody to repair the cause."""

    label: ClassVar = "parked"  # the public name of older days
    reason: str


class Unchanged(Enum):
    """Why the step did nothing to its ticket.

    Attributes:
        ALREADY_DONE: An earlier delivery of this very message took effect; the chain may go on.
        SUPERSEDED: A newer generation runs, or the ticket has ended: this message is worth nothing any more.
        BUSY: Somebody holds the ticket; should they be dead, it comes back when their lease ends.
        HELD: The step is paused; the ticket waits in Postgres until it is resumed.
        OTHER_GRAPH: The ticket is on another version of the graph; it waits for a process that knows that one, or to
            change over.
        ASKED: A person must decide before the step runs; the ticket waits for them in Postgres.
        LOST: The ticket was cancelled or taken over while we thought; our work changed nothing.
    """

    ALREADY_DONE = "AlreadyDone"
    SUPERSEDED = "Superseded"
    BUSY = "Busy"
    HELD = "Held"
    OTHER_GRAPH = "OtherGraph"
    ASKED = "Asked"
    LOST = "LostLease"

    @property
    def label(self) -> str:
        """What it is counted by."""
        return self.name.lower()


StepOutcome = Committed | Retrying | Failed | Unchanged


def name_outcome(outcome: StepOutcome) -> str:
    """Name an outcome the way Flower and the log do."""
    return outcome.value if isinstance(outcome, Unchanged) else type(outcome).__name__
