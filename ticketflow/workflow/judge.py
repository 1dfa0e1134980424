"""What becomes of a message whose claim was not granted: decided from where the ticket stood, and nothing else."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING
from uuid import UUID

from ticketflow.workflow.policy import MAX_DEATHS
from ticketflow.workflow.transitions import RUNNABLE

if TYPE_CHECKING:  # whoever reads the tables need not load LangGraph
    from ticketflow.workflow.plan import Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a ticket stood when a step was asked for.

    Attributes:
        token: The lease somebody holds or died with, or ``None``.
        deaths: Processes that died with the step it stands at.
        is_paused: The step is not to be started.
    """

    status: str
    generation: int
    graph_version: int
    next_step: str | None
    token: UUID | None
    attempt: int
    deaths: int
    is_paused: bool


class Verdict(Enum):
    """What is to be done with the message, and with its ticket.

    Attributes:
        SUPERSEDED: Drop it: a newer generation runs, or the ticket has ended.
        ALREADY_DONE: Go on with its chain: an earlier delivery of it took effect.
        BUSY: Drop it: somebody holds the ticket, and should they be dead, that shows when their lease ends.
        OTHER_GRAPH: Put the ticket back: processes that know its graph take it, or a dispatcher changes it over.
        HELD: Put the ticket back until its step is resumed.
        WORN_OUT: Fail the ticket: too many died over it, or its last allowed attempt ended without a word.
    """

    SUPERSEDED = auto()
    ALREADY_DONE = auto()
    BUSY = auto()
    OTHER_GRAPH = auto()
    HELD = auto()
    WORN_OUT = auto()


def judge(plan: "Plan", step: str, generation: int, seen: Standing | None) -> Verdict:  # noqa: PLR0911  # a table
    """Decide about a message that asked for ``step`` under ``generation`` and was not granted it.

    Args:
        plan: The graph this process runs.
        seen: Where the ticket stood; ``None`` where there is none.
    """
    if seen is None or seen.generation != generation or seen.status not in RUNNABLE:
        return Verdict.SUPERSEDED
    if seen.graph_version != plan.lineage.version:
        return Verdict.BUSY if seen.token is not None else Verdict.OTHER_GRAPH
    if seen.next_step is None or plan.is_before(seen.next_step, step):
        return Verdict.SUPERSEDED
    if seen.next_step != step:
        return Verdict.ALREADY_DONE
    if seen.token is not None:  # lost connections bring messages again, too
        return Verdict.BUSY
    if seen.deaths >= MAX_DEATHS or seen.attempt >= plan.steps[step].retry.max_attempts:
        return Verdict.WORN_OUT
    return Verdict.HELD if seen.is_paused else Verdict.BUSY
