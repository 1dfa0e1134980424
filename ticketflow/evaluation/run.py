"""Run rows through the steps in this process, step by step and timed."""

import time
from dataclasses import dataclass, field
from typing import Any

from ticketflow.errors import ConfigurationError, TicketFlowError
from ticketflow.evaluation.rows import Row
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.ports import Tools


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one row.

    Attributes:
        state: Everything the steps found out, beside what the ticket arrived with.
        seconds: Time each step took, all its rounds together.
        error: Why a step failed, or ``None``.
    """

    state: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None


def run_row(row: Row, tools: Tools, last_step: str) -> Outcome:
    """Run one row up to a step, that included; review's loop back to draft is followed before ``finalize``.

    A step that fails ends it, which the outcome tells.

    Raises:
        ConfigurationError: No row can be run; the message says what to change.
    """
    plan = ticket_plan()
    state: dict[str, Any] = dict(row.request)
    seconds: dict[str, float] = {}
    step: str | None = plan.order[0]
    while step is not None:
        started = time.perf_counter()
        try:
            state |= plan.run(step, state, tools)
        except ConfigurationError:
            raise
        except TicketFlowError as error:
            return Outcome(state, seconds, f"{step}: {error}")
        seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - started
        step = None if step == last_step else plan.next_step(step, state)
    return Outcome(state, seconds)
