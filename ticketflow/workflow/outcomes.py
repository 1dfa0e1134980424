"""What can come of running a step; the Celery task turns each into what the broker should do.

Each is counted by its ``label``.
"""

from dataclasses import dataclass
from datetime import timedelta
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
class AlreadyDone:
    """An earlier delivery of this very message took effect; the chain may go on."""

    label: ClassVar = "already_done"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer generation runs, or the ticket has ended: this message is worth nothing any more."""

    label: ClassVar = "superseded"


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody holds the ticket; should they be dead, it comes back when their lease ends."""

    label: ClassVar = "busy"


@dataclass(frozen=True, slots=True)
class Held:
    """The step is paused; the ticket waits in Postgres until it is resumed."""

    label: ClassVar = "held"


@dataclass(frozen=True, slots=True)
class OtherGraph:
    """The ticket is on another version of the graph; it waits for a process that knows that one, or to change over."""

    label: ClassVar = "other_graph"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person must decide before the step runs; the ticket waits for them in Postgres."""

    label: ClassVar = "asked"


@dataclass(frozen=True, slots=True)
class LostLease:
    """The ticket was cancelled or taken over while we thought; our work changed nothing."""

    label: ClassVar = "lost"


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


StepOutcome = Committed | AlreadyDone | Superseded | Busy | Held | OtherGraph | Asked | LostLease | Retrying | Failed
