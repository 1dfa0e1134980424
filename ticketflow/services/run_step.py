"""Run one step of one ticket: claim it, think, commit. The only way a step takes effect."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from traceback import walk_tb
from typing import Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from ticketflow.errors import WorkerDiedError
from ticketflow.observability.context import bound
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.observability.metrics import (
    QUEUE_WAIT,
    STALE_COMMITS,
    STEP_DURATION,
    STEP_FAILURES,
    STEPS_RUN,
    count_end,
    name_error,
)
from ticketflow.observability.tracing import describe_span, span
from ticketflow.services.heartbeat import Heartbeat, Kept
from ticketflow.services.isolation import Isolation
from ticketflow.services.liveness import describe_process, is_alive
from ticketflow.services.next_leases import NextLeases
from ticketflow.services.queue_wait import QueueWait
from ticketflow.storage.commits import Event, LedgerEntry, Move, ask_person, commit_step, fail, give_back
from ticketflow.storage.holders import Process, drop_question, find_holder
from ticketflow.storage.leases import Claim, Lease, Refusal, begin_step, claim_step
from ticketflow.storage.session import Sessions
from ticketflow.workflow.approval import ApprovalRequest
from ticketflow.workflow.events import EventType
from ticketflow.workflow.judge import judge
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, StepOutcome, Unchanged, name_outcome
from ticketflow.workflow.plan import Plan
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_DEATHS, backoff, is_retryable
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.usage import collect_usage

log = get_logger(__name__)

# Whoever has thought waits for Postgres, where nobody could begin anything: most outages are over in this time, and a
# longer one is for the clock.
WRITE_PAUSES_S = (0.2, 1.0, *[2.0] * 20)
LEASE_FOR = timedelta(seconds=15)

# A dispatcher finds a paused ticket as soon as it is resumed. One of another graph waits: workers of two releases share
# the queues while one replaces the other, and the next one may be of either.
PUT_BACK_FOR = {Unchanged.HELD: timedelta(), Unchanged.OTHER_GRAPH: timedelta(seconds=1)}
# Frames of a traceback that are kept on the ticket, the innermost ones.
TRACEBACK_FRAMES = 12


Answer = TypeVar("Answer")


class StepRunner:
    """Runs steps of one plan with one set of tools."""

    def __init__(
        self,
        sessions: Sessions,
        plan: Plan,
        tools: Tools,
        queue_wait: QueueWait,
        lease_for: timedelta = LEASE_FOR,
        process: Process | None = None,
    ) -> None:
        """Bind what every step needs.

        Args:
            sessions: May commit by itself after each statement: every use here is one statement.
            queue_wait: Told how long messages waited; says how long the next link of a chain may
                take to be claimed before the dispatcher publishes it again.
            lease_for: How long a worker may be silent before somebody else may take its ticket.
            process: This one; left out, it is looked up.
        """
        self._sessions = sessions
        self._plan = plan
        self._tools = tools
        self._queue_wait = queue_wait
        self._lease_for = lease_for
        self._process = process or describe_process()
        self._heartbeat = Heartbeat(sessions, lease_for, self._process.id)
        self._isolation = Isolation()
        self._next_leases = NextLeases()

    def run(self, claim: Claim) -> StepOutcome:
        """Run one step; whatever comes of it is in Postgres when this returns.

        A database that is away raises SQLAlchemy's ``OperationalError``: nothing took effect and
        the ticket's clock brings the step back.
        """
        with self._isolation.together():
            lease = self._next_leases.take(claim) or self._claim(claim)
            is_suspect = isinstance(lease, Refusal) and lease.deaths == SUSPECT_DEATHS
            outcome = None if is_suspect else self._go_on(claim, lease)
        if outcome is None:
            with self._isolation.alone():
                claim = replace(claim, is_alone=True)
                outcome = self._go_on(claim, self._claim(claim))
        STEPS_RUN.labels(claim.step, outcome.label).inc()
        return outcome

    def _claim(self, claim: Claim, *, is_last_try: bool = False) -> Lease | Refusal | None:
        planned = self._plan.steps[claim.step]
        lease_for = min(self._lease_for, timedelta(seconds=planned.time_limit_s))
        version = self._plan.lineage.version
        failpoint("claim.before")
        try:
            with self._sessions.begin() as session:
                begun = None if claim.is_redelivered else begin_step(session, claim, version)
                if begun is not None:
                    return begun
                # Whose holder is alive: a connection was lost, and nobody with it.
                is_redelivered = claim.is_redelivered and not is_alive(find_holder(session, claim.ticket_id))
                told = replace(claim, is_redelivered=is_redelivered)
                return claim_step(session, told, lease_for, planned.retry.max_attempts, version, self._process.id)
        except (OperationalError, InterfaceError) as error:
            if is_last_try or not error.connection_invalidated:
                raise
        return self._claim(claim, is_last_try=True)  # a connection that lay idle was dead, and all like it are gone

    def _go_on(self, claim: Claim, lease: Lease | Refusal | None) -> StepOutcome:
        """Think under a lease, and put what comes of it in Postgres."""
        if not isinstance(lease, Lease):
            return self._refuse(claim, lease)
        if lease.attempt == 1 and not lease.claim.is_redelivered:  # a later attempt waited for other reasons
            self._queue_wait.observe(lease.waited_s)
            QUEUE_WAIT.labels(claim.step).observe(lease.waited_s)
        failpoint("claim.after")
        describe_span({"ticketflow.attempt": lease.attempt, "ticketflow.round": lease.round})
        with bound(tenant=lease.state["tenant"], attempt=lease.attempt):
            log.debug("step.started", round=lease.round)
            request = self._plan.find_request(claim.step, lease.state, self._tools)
            if request is not None:  # somebody led the ticket here by hand, with a rewind or a fork
                asking = [_asking_event(request)]
                version = self._write(lease, lambda session: ask_person(session, lease, request, asking))
                return Unchanged.LOST if version is None else Unchanged.ASKED
            kept = Kept.begin(lease, self._plan.steps[claim.step].time_limit_s)
            try:
                with self._heartbeat.keep(kept):
                    entry = _think(self._plan, self._tools, lease)
                following = self._plan.next_step(claim.step, {**lease.state, **entry.output})
            except Exception as error:  # noqa: BLE001  # whatever a step raises must end up on its ticket
                return self._fail(kept.lease, error)
            return self._commit(kept.lease, entry, following)

    def _plan_move(self, lease: Lease, entry: LedgerEntry, following: str | None) -> Move:
        """Decide how the ticket goes on to the step that follows: in this chain, in a new one, or after a person."""
        if following is None:
            return Move(None, timedelta())
        if not self._plan.is_before(lease.claim.step, following):
            return Move(following, timedelta(), is_loop=True)
        request = self._plan.find_request(following, {**lease.state, **entry.output}, self._tools)
        if request is not None:
            return Move(following, timedelta(seconds=request["timeout_s"]), request=request)
        return Move(following, self._queue_wait.redispatch_after)

    def _commit(self, lease: Lease, entry: LedgerEntry, following: str | None) -> StepOutcome:
        step = lease.claim.step
        move = self._plan_move(lease, entry, following)
        events = [Event(EventType.STEP_COMPLETED, {"duration_s": round(entry.duration_s, 4)})]
        events.extend(Event(EventType.STEP_FELL_BACK, change) for change in list_fallbacks(entry.engines))
        if move.is_loop:
            events.append(Event(f"{following}.revised", {"after": step}))
        if move.request is not None:
            events.append(_asking_event(move.request))
        if following is None:
            events.append(Event(EventType.TICKET_COMPLETED, _tell_end(entry)))

        failpoint("commit.before")
        passed = self._write(lease, lambda session: commit_step(session, lease, entry, move, events))
        failpoint("commit.after")
        if passed is None:
            return Unchanged.LOST
        log.info("step.finished", duration_s=round(entry.duration_s, 4), next_step=following)
        if following is None:
            # A graph of another kind has no resolution: it answers.
            resolution = str(entry.output.get("result", {}).get("resolution", "answered"))
            count_end(resolution, time.monotonic() - lease.accepted_s, **_tell_end(entry))
        goes_on = following is not None and not move.is_loop and move.request is None
        if following is not None and goes_on:
            self._next_leases.keep(lease, entry.output, following, passed)
        return Committed(following, is_chain_valid=goes_on)

    def _fail(self, lease: Lease, error: Exception) -> StepOutcome:
        policy = self._plan.steps[lease.claim.step].retry
        problem = _describe(error, lease)
        STEP_FAILURES.labels(lease.claim.step, name_error(error)).inc()
        describe_span({}, failure=problem["class"])
        if is_retryable(policy, error) and lease.attempt < policy.max_attempts:
            delay = backoff(policy, lease.attempt, getattr(error, "retry_after_s", None))
            log.warning("step.retrying", error=_brief(problem), delay_s=delay.total_seconds())
            detail = {"error": _brief(problem), "delay_s": round(delay.total_seconds(), 3)}
            retrying = [Event(EventType.STEP_RETRYING, detail)]
            version = self._write(lease, lambda session: give_back(session, lease, delay, retrying, error=problem))
            return Unchanged.LOST if version is None else Retrying(delay, problem["message"])

        log.error("step.failed", error=_brief(problem), exc_info=error)
        version = self._write(lease, lambda session: fail(session, lease, problem, _failure_events(problem)))
        if version is None:
            return Unchanged.LOST
        count_end("failed", time.monotonic() - lease.accepted_s)
        return Failed(problem["message"])

    def _write(self, lease: Lease, statement: Callable[[Session], Answer | None]) -> Answer | None:
        """Run one fenced statement in its own transaction; ``None`` where the ticket was not ours any more.

        Thinking may have taken long, so its result is worth a few tries when the database is away for a moment. Should
        a try have taken effect unnoticed, the fence stops the next one, and the clock brings the rest of the chain.
        """
        answer: Answer | None = None
        pauses = iter(WRITE_PAUSES_S)
        while True:
            try:
                with self._sessions.begin() as session:
                    answer = statement(session)
            except (OperationalError, InterfaceError) as error:
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise
                log.warning("step.database_away", error=type(error).__name__, pause_s=pause_s)
                time.sleep(pause_s)
            else:
                break
        if answer is None:  # what was put down for us is taken back: we are alive
            log.warning("step.stale_commit")
            STALE_COMMITS.labels(lease.claim.step).inc()
            with self._sessions.begin() as session:
                drop_question(session, self._process.id if lease.is_claimed else lease.claim.ticket_id)
        return answer

    def _refuse(self, claim: Claim, refusal: Refusal | None) -> StepOutcome:
        """Do what is to be done about a claim that was not granted; nobody's work is touched."""
        verdict = judge(self._plan, claim.step, claim.generation, refusal)
        outcome: StepOutcome = verdict or Unchanged.BUSY  # the second where somebody else lets it fail meanwhile
        if refusal is not None and verdict in PUT_BACK_FOR:
            with self._sessions.begin() as session:
                give_back(session, refusal, PUT_BACK_FOR[verdict])
        if refusal is not None and verdict is None:
            outcome = self._give_up(refusal)
        log.info("step.refused", outcome=name_outcome(outcome))
        return outcome

    def _give_up(self, refusal: Refusal) -> StepOutcome:
        """Fail a ticket whose step killed its workers, or whose last allowed attempt ended without a word."""
        step = refusal.claim.step
        message = f"step {step} ended without a result {refusal.attempt} times"
        if refusal.deaths >= MAX_DEATHS:
            message = f"{refusal.deaths} workers died during step {step}; is it killing them?"
        error = WorkerDiedError(message)
        problem = _describe(error, refusal)
        with self._sessions.begin() as session:
            version = fail(session, refusal, problem, _failure_events(problem))
        if version is None:
            return Unchanged.BUSY
        STEP_FAILURES.labels(step, name_error(error)).inc()
        count_end("failed", time.monotonic() - refusal.accepted_s)
        return Failed(message)


def _think(plan: Plan, tools: Tools, lease: Lease) -> LedgerEntry:
    """Call the step outside any transaction."""
    canonical = json.dumps(lease.state, sort_keys=True, ensure_ascii=False)
    started = time.perf_counter()
    thinking = STEP_DURATION.labels(lease.claim.step).time()
    with (
        span("think"),
        thinking,
        collect_usage(lease.state["tenant"], lease.claim.ticket_id, lease.attempt) as usage,
    ):
        added = plan.run(lease.claim.step, lease.state, tools)
    return LedgerEntry(
        input_hash=hashlib.sha256(canonical.encode()).hexdigest(),
        output=json.loads(json.dumps(added, allow_nan=False)),
        engines=[asdict(call) for call in usage.engine_calls],
        duration_s=time.perf_counter() - started,
    )


def _describe(error: Exception, seen: Lease | Refusal) -> dict[str, Any]:
    """Describe an error as the ticket shows it: no values of variables, no paths of this machine."""
    frames = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return {
        "class": type(error).__name__,
        "message": str(error),
        "step": seen.claim.step,
        "attempt": seen.attempt,
        "traceback": frames[-TRACEBACK_FRAMES:],
    }


def _tell_end(entry: LedgerEntry) -> dict[str, str]:
    """Say why a ticket was ignored or went to a person at once, if it did."""
    reason = entry.output.get("result", {}).get("reason")
    return {"reason": reason} if reason else {}


def _brief(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "traceback"}


def list_fallbacks(engines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List which engines did not speak in a step, and why: what another one said counts instead."""
    return [
        {"engine": each["engine"], "model": each["model"], "reason": each["failure"]}
        for each in engines
        if each.get("failure")
    ]


def _asking_event(request: ApprovalRequest) -> Event:
    detail = {"reasons": request["reasons"], "default_action": request["default_action"]}
    return Event(EventType.APPROVAL_REQUESTED, detail)


def _failure_events(problem: Mapping[str, Any]) -> list[Event]:
    return [
        Event(EventType.STEP_FAILED, {"error": _brief(problem)}),
        Event(EventType.TICKET_FAILED, {"step": problem["step"]}),
    ]
