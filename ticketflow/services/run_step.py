"""Run one step of one ticket: claim it, think, commit. The only way a step takes effect."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.services.outcomes import (
    AlreadyDone,
    Busy,
    Committed,
    LostLease,
    Parked,
    Retrying,
    StepOutcome,
    Superseded,
)
from ticketflow.storage.leases import (
    Claim,
    Event,
    Lease,
    LedgerEntry,
    Move,
    Refusal,
    claim_step,
    commit_step,
    park,
    park_exhausted,
    retry_later,
)
from ticketflow.storage.session import Sessions
from ticketflow.workflow.plan import Plan
from ticketflow.workflow.policy import backoff, is_retryable
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.transitions import RUNNABLE
from ticketflow.workflow.usage import collect_usage

log = get_logger(__name__)

# A restart of Postgres takes about this long; a longer outage is for the clock.
WRITE_PAUSES_S = (0.2, 1.0, 3.0)


class StepRunner:
    """Runs steps of one plan with one set of tools."""

    def __init__(self, sessions: Sessions, plan: Plan, tools: Tools, redispatch_after: timedelta) -> None:
        """Bind what every step needs.

        Args:
            sessions: May commit by itself after each statement: every use here is one statement.
            redispatch_after: How long the next link of a chain may take to be claimed before the
                dispatcher publishes it again.
        """
        self._sessions = sessions
        self._plan = plan
        self._tools = tools
        self._redispatch_after = redispatch_after

    def run(self, claim: Claim) -> StepOutcome:
        """Run one step; whatever comes of it is in Postgres when this returns.

        A database that is away raises SQLAlchemy's ``OperationalError``: nothing took effect and
        the ticket's clock brings the step back.
        """
        planned = self._plan.steps[claim.step]
        failpoint("claim.before")
        with self._sessions.begin() as session:
            lease = claim_step(session, claim, timedelta(seconds=planned.time_limit_s), planned.retry.max_attempts)
        if not isinstance(lease, Lease):
            return self._refuse(claim, lease)
        failpoint("claim.after")
        log.debug("step.started", attempt=lease.attempt, round=lease.round)
        try:
            entry = self._think(lease)
            following = self._plan.next_step(claim.step, {**lease.state, **entry.output})
        except Exception as error:  # noqa: BLE001  # whatever a step raises must end up on its ticket
            return self._fail(lease, error)
        return self._commit(lease, entry, following)

    def _think(self, lease: Lease) -> LedgerEntry:
        """Call the step outside any transaction."""
        canonical = json.dumps(lease.state, sort_keys=True, ensure_ascii=False)
        started = time.perf_counter()
        with collect_usage() as usage:
            added = self._plan.run(lease.claim.step, lease.state, self._tools)
        return LedgerEntry(
            input_hash=hashlib.sha256(canonical.encode()).hexdigest(),
            output=json.loads(json.dumps(added, allow_nan=False)),
            engines=[asdict(spoken) for spoken in usage.spoken],
            duration_s=time.perf_counter() - started,
        )

    def _commit(self, lease: Lease, entry: LedgerEntry, following: str | None) -> StepOutcome:
        step = lease.claim.step
        is_loop = following is not None and not self._plan.is_before(step, following)
        move = Move(following, is_loop, self._redispatch_after)
        events = [Event("step.completed", {"duration_s": round(entry.duration_s, 4)})]
        if is_loop:
            events.append(Event(f"{following}.revised", {"after": step}))
        if following is None:
            events.append(Event("ticket.completed", {}))

        failpoint("commit.before")
        version = self._write(lambda session: commit_step(session, lease, entry, move, events))
        failpoint("commit.after")
        if version is None:
            log.warning("step.stale_commit", attempt=lease.attempt)
            return LostLease()
        log.info("step.finished", duration_s=round(entry.duration_s, 4), next_step=following)
        return Committed(following, is_chain_valid=following is not None and not is_loop)

    def _fail(self, lease: Lease, error: Exception) -> StepOutcome:
        policy = self._plan.steps[lease.claim.step].retry
        problem = _describe(error, lease.claim, lease.attempt)
        if is_retryable(policy, error) and lease.attempt < policy.max_attempts:
            delay = backoff(policy, lease.attempt, getattr(error, "retry_after_s", None))
            log.warning("step.retrying", error=problem, delay_s=delay.total_seconds())
            detail = {"error": problem, "delay_s": round(delay.total_seconds(), 3)}
            retrying = [Event("step.retrying", detail)]
            version = self._write(lambda session: retry_later(session, lease, delay, problem, retrying))
            return LostLease() if version is None else Retrying(delay, problem["message"])

        log.error("step.failed", error=problem, exc_info=error)
        version = self._write(lambda session: park(session, lease, problem, _parking_events(problem)))
        return LostLease() if version is None else Parked(problem["message"])

    def _write(self, statement: Callable[[Session], int | None]) -> int | None:
        """Run one fenced statement in its own transaction; again when the database was away for a moment.

        Thinking may have taken long, so its result is worth a few tries. Should a try have taken
        effect unnoticed, the fence stops the next one, and the clock brings the rest of the chain.
        """
        for pause_s in WRITE_PAUSES_S:
            try:
                with self._sessions.begin() as session:
                    return statement(session)
            except (OperationalError, InterfaceError) as error:
                log.warning("step.database_away", error=type(error).__name__, pause_s=pause_s)
                time.sleep(pause_s)
        with self._sessions.begin() as session:
            return statement(session)

    def _refuse(self, claim: Claim, refusal: Refusal | None) -> StepOutcome:
        """Say why a claim was not granted; nobody's work is touched."""
        outcome = self._explain(claim, refusal)
        log.info("step.refused", outcome=type(outcome).__name__)
        return outcome

    def _explain(self, claim: Claim, refusal: Refusal | None) -> StepOutcome:
        if refusal is None or refusal.generation != claim.generation or refusal.status not in RUNNABLE:
            return Superseded()
        if refusal.next_step is None or self._plan.is_before(refusal.next_step, claim.step):
            return Superseded()
        if refusal.next_step != claim.step:
            return AlreadyDone()
        policy = self._plan.steps[claim.step].retry
        is_held = refusal.has_live_lease and not claim.is_redelivered
        if is_held or refusal.attempt < policy.max_attempts:
            return Busy()
        return self._give_up(claim, refusal)

    def _give_up(self, claim: Claim, refusal: Refusal) -> StepOutcome:
        """Park a ticket whose last allowed attempt ended without a word, as a killed worker's does."""
        message = f"step {claim.step} ended without a result {refusal.attempt} times; is it killing its worker?"
        problem = _describe(RuntimeError(message), claim, refusal.attempt)
        with self._sessions.begin() as session:
            version = park_exhausted(session, claim, refusal.attempt, problem, _parking_events(problem))
        return Busy() if version is None else Parked(message)


def _describe(error: Exception, claim: Claim, attempt: int) -> dict[str, Any]:
    return {"class": type(error).__name__, "message": str(error), "step": claim.step, "attempt": attempt}


def _parking_events(problem: Mapping[str, Any]) -> list[Event]:
    return [Event("step.failed", {"error": dict(problem)}), Event("ticket.failed", {"step": problem["step"]})]
