"""The product's Celery app with quick, talkative steps: ``celery -A tests.chaos.app worker``.

Environment:
    CHAOS_HISTORY: File that every granted execution and every committed effect is appended to.
    CHAOS_STEP_S: How long a step thinks, in seconds.
    CHAOS_SLOW_STEPS: How many of the steps do, from the first on; the others are quick (all).
    CHAOS_APPROVAL: Which drafts wait for a person: ``never``, ``unsure`` or ``always``.
    CHAOS_CONTROL: ``no-fence`` or ``no-redispatch`` switches that safeguard off.
    CHAOS_LONG_QUEUES: Makes workers take little ahead and dispatchers send much, so that there is what to purge.
    CHAOS_CLOCK: File that says how far off the wall clock is, in seconds.
    CHAOS_HANGS: Lets the draft of tickets with certain subjects never end (tests.chaos.hangs).
    CHAOS_TIME_LIMIT_S: How long a step may think, in seconds.
    CHAOS_GATE: File to wait for before anything is done; everything is loaded by then.
"""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause

from tests.chaos.clock import follow_clock
from tests.chaos.hangs import HANGS
from tests.chaos.history import History
from tests.fakes import FakeReviewer, fake_tools
from tests.harness.wait import wait_until
from ticketflow.services import dispatch_due
from ticketflow.services.run_step import StepRunner
from ticketflow.storage import commits, due
from ticketflow.storage.leases import AS_SEEN, Claim
from ticketflow.tasks import app, runtime
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.outcomes import Committed, StepOutcome
from ticketflow.workflow.plan import Plan, ticket_plan
from ticketflow.workflow.ports import Brief, Opinion, Reply, Tools
from ticketflow.workflow.state import Problem

__all__ = ["app"]

POISON = "poison"
REVISED = "revise"
STEP_S = float(os.environ.get("CHAOS_STEP_S", "0"))
SLOW_STEPS = ticket_plan().order[: int(os.environ.get("CHAOS_SLOW_STEPS", len(ticket_plan().order)))]
IS_HANGING = "CHAOS_HANGS" in os.environ
APPROVAL = ApprovalPolicy(mode=os.environ.get("CHAOS_APPROVAL", "never"))  # type: ignore[arg-type]

history = History(os.environ["CHAOS_HISTORY"])


class ReviseOnce(FakeReviewer):
    """Sends the first draft of some tickets back, so that loops are under fire too."""

    def review(self, brief: Brief, reply: Reply) -> Opinion:
        opinion = super().review(brief, reply)
        if REVISED in brief.request["subject"] and not brief.problems:
            return Opinion(opinion.completeness, [Problem(code="style", detail="once more, please")])
        return opinion


def think(plan: Plan, step: str, state: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
    """Run one step, slowly, and say so."""
    history.record("executing", ticket=state["ticket_id"], step=step, pid=os.getpid())
    if step == "draft" and state["subject"] == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if IS_HANGING and step == "draft" and state["subject"] in HANGS:
        HANGS[state["subject"]]()
    if step in SLOW_STEPS:
        time.sleep(STEP_S)
    return run_plan(plan, step, state, tools)


def run(runner: StepRunner, claim: Claim) -> StepOutcome:
    """Run one step and say whether it took effect."""
    outcome = run_step(runner, claim)
    if isinstance(outcome, Committed):
        where = {"ticket": str(claim.ticket_id), "step": claim.step, "generation": claim.generation}
        history.record("committed", **where, pid=os.getpid())
    return outcome


def switch_off(statement: TextClause, safeguard: str, instead: str) -> None:
    """Edit a statement; a control that changes nothing would prove nothing."""
    assert statement.text.count(safeguard) == 1, f"{safeguard!r} is not where the control expects it"
    statement.text = statement.text.replace(safeguard, instead)


run_plan, run_step = Plan.run, StepRunner.run
Plan.run, StepRunner.run = think, run  # type: ignore[method-assign]
assert callable(runtime.build_tools)
runtime.build_tools = lambda *_: fake_tools(reviewer=ReviseOnce(), approval=APPROVAL)

if limit := os.environ.get("CHAOS_TIME_LIMIT_S"):
    steps = ticket_plan().steps
    steps.update({name: replace(planned, time_limit_s=float(limit)) for name, planned in steps.items()})
    runtime.LONGEST_STEP_S = float(limit)

match os.environ.get("CHAOS_CONTROL"):
    case "no-fence":
        switch_off(commits._COMMIT, AS_SEEN, "id = :ticket_id")  # noqa: SLF001
    case "no-redispatch":
        switch_off(due._CLAIM_DUE, "wake_at <= now()", "wake_at <= now() AND generation = 0")  # noqa: SLF001
    case None:
        pass
    case unknown:
        raise SystemExit(f"CHAOS_CONTROL: there is no control {unknown!r}")

if os.environ.get("CHAOS_LONG_QUEUES"):
    app.conf.worker_prefetch_multiplier = 1
    assert dispatch_due.CHAINS_PER_SLOT
    dispatch_due.CHAINS_PER_SLOT = 100

if clock := os.environ.get("CHAOS_CLOCK"):
    follow_clock(Path(clock), history)

if gate := os.environ.get("CHAOS_GATE"):
    wait_until(Path(gate).exists, 120, "the gate opens")
