"""What becomes of a message whose claim was not granted: decided from where the ticket stood, and nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from ticketflow.workflow.outcomes import Unchanged
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


def judge(  # noqa: PLR0911  # a table
    plan: "Plan", step: str, generation: int, seen: Standing | None
) -> Unchanged | None:
    """Decide about a message that asked for ``step`` under ``generation`` and was not granted it.

    Args:
        plan: The graph this process runs.
        seen: Where the ticket stood; ``None`` where there is none.

    Returns:
        Why the step does not run; ``None`` where the ticket must fail: too many died over it, or its last allowed
        attempt ended without a word.
    """
    if seen is None or seen.generation != generation or seen.status not in RUNNABLE:
        return Unchanged.SUPERSEDED
    if seen.graph_version != plan.lineage.version:
        return Unchanged.BUSY if seen.token is not None else Unchanged.OTHER_GRAPH
    if seen.next_step is None or plan.is_before(seen.next_step, step):
        return Unchanged.SUPERSEDED
    if seen.next_step != step:
        return Unchanged.ALREADY_DONE
    if seen.token is not None:  # lost connections bring messages again, too
        return Unchanged.BUSY
    if seen.deaths >= MAX_DEATHS or seen.attempt >= plan.steps[step].retry.max_attempts:
        return None
    return Unchanged.HELD if seen.is_paused else Unchanged.BUSY
