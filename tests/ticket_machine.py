"""A ticket's life against a model of it: any order of deliveries, deaths, losses, pauses and people's wishes.

Each example drives the real use cases on a real database, one action at a time, and compares the ticket
with a model that is nothing but a few Python variables. A worker is a thread that stops inside its step
until it is told how to end, so that everything else can happen meanwhile.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Row, text

from tests.fakes import fake_tools
from tests.toy import MAX_ATTEMPTS, TOY_LINEAGE, toy_plan
from ticketflow.errors import ConflictError, PermanentError, TransientError, VersionConflictError
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.decide_approval import Judgement, decide_approval
from ticketflow.services.heartbeat import Kept
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.retry_ticket import retry_ticket
from ticketflow.services.rewind_ticket import rewind_ticket
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import claim_due, expire_approvals, expire_leases, move_clocks
from ticketflow.storage.holders import Process, convict, drop_question
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT
from ticketflow.storage.pauses import record_pause, remove_pause
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.approval import ApprovalPolicy, Gate, awaits_decision
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, StepOutcome, Unchanged
from ticketflow.workflow.policy import MAX_DEATHS

A_DAY = timedelta(days=1)
A_WHILE = timedelta(hours=30)  # longer than an hour that passes, shorter than two days
STEPS = ("read", "check", "send")
ACTIONS = ("accept", "edit", "reject", "ignore")
ENDS = {"completed", "failed", "cancelled"}


class Death(BaseException):  # not an error: nothing in the program may catch it
    """Ends a worker in the middle of its step, as kill -9 does: nothing after it runs."""


class Worker(threading.Thread):
    """Runs one step of one message; ``outcome`` stays ``None`` when it dies."""

    def __init__(self, build_runner: Callable[[Process], StepRunner], claim: Claim, thinking: queue.Queue) -> None:
        super().__init__(daemon=True)
        self.id = uuid4()
        self.claim = claim
        self.orders: queue.Queue = queue.Queue()
        self.outcome: StepOutcome | None = None
        self.error: Exception | None = None
        self.is_claimed = True
        self.kept: Kept
        self._runner, self._thinking = build_runner(Process(self.id, "elsewhere", 1, 1)), thinking

    def run(self) -> None:
        local.worker = self
        try:
            self.outcome = self._runner.run(self.claim)
        except Death:
            pass
        except Exception as error:  # noqa: BLE001  # the ledger's key, when a safeguard before it is off
            self.error = error
        finally:
            self._thinking.put(self)

    def begin(self) -> bool:
        """Start, and return whether the step is being thought about."""
        self.start()
        self._thinking.get(timeout=30)
        if self.error is not None:
            raise self.error
        thinks = self.outcome is None
        if thinks:
            (self.kept,) = self._runner._heartbeat._kept.values()  # noqa: SLF001  # nothing else says what it holds
        return thinks

    def beat(self) -> bool:
        """Tell the database of its step, and return whether that is still its own."""
        self._runner._heartbeat._beat([self.kept], time.monotonic())  # noqa: SLF001  # as if that long had passed
        return not self.kept.is_lost.is_set()

    def end(self, order: object) -> StepOutcome | None:
        """Let the step end as ordered; return what came of it."""
        self.orders.put(order)
        self.join(timeout=30)
        assert not self.is_alive()
        self._thinking.get(timeout=30)
        if self.error is not None:
            raise self.error
        return self.outcome


local = threading.local()

_LOOK = text("""
    SELECT status, next_step, generation, attempt, deaths, lease_token, version,
           state #>> '{decision,action}' AS decision,
           (SELECT coalesce(jsonb_agg(type ORDER BY id), '[]')
            FROM ticket_events WHERE ticket_id = :id AND type LIKE 'approval.%') AS talk,
           coalesce(lease_until, wake_at) <= now() AS rings, coalesce(lease_until > now(), false) AS has_time_left,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(step, round, superseded_at IS NOT NULL)
                                      ORDER BY ticket_version), '[]')
            FROM ticket_steps WHERE ticket_id = :id) AS ledger,
           (SELECT coalesce(jsonb_agg(jsonb_build_array(step, round) ORDER BY id), '[]')
            FROM ticket_events WHERE ticket_id = :id AND type = 'step.completed') AS trail
    FROM tickets WHERE id = :id
""")


def think(state, tools):
    """Wait for orders inside the step."""
    worker = local.worker
    worker._thinking.put(worker)  # noqa: SLF001  # the two are one
    try:
        order = worker.orders.get(timeout=30)
    except queue.Empty:  # the example failed and nobody gives orders any more
        raise Death from None
    if isinstance(order, BaseException):
        raise order
    return order


@dataclass
class Model:
    """All that can be said about the ticket."""

    status: str = "queued"
    next_step: str | None = "read"
    generation: int = 0
    attempt: int = 0
    holder: Worker | None = None
    lost: dict[UUID, bool] = field(default_factory=dict)  # whether they count as dead; the ticket's id: somebody
    is_paused: bool = False
    is_wanted: bool = False
    decision: str | None = None
    talk: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    @property
    def deaths(self) -> int:
        return sum(self.lost.values())

    @property
    def may_go(self) -> bool:
        """Tell whether a dispatcher sends it: not while it may turn out to be a suspect."""
        is_free = self.is_live and not self.is_paused and self.holder is None and not self.awaits
        return is_free and (len(self.lost) < 2 or all(self.lost.values()))

    @property
    def is_live(self) -> bool:
        return self.status not in ENDS

    @property
    def awaits(self) -> bool:
        return self.status == "awaiting_approval"

    def is_shut(self, step: str) -> bool:
        """Tell whether a person must decide before a step."""
        return step == "send" and self.is_wanted and self.decision is None

    def ask(self) -> None:
        self.start_over("send")
        self.status = "awaiting_approval"
        self.talk.append("approval.requested")

    def answer(self, decision: str, event: str) -> None:
        self.start_over("send")
        self.decision = decision
        self.talk.append(event)

    def start_over(self, step: str) -> None:
        self.status, self.next_step, self.attempt, self.holder, self.lost = "queued", step, 0, None, {}
        self.generation += 1

    def lose_holder(self) -> None:
        assert self.holder is not None
        self.lost[self.holder.id] = False

    def give_back(self) -> None:
        self.holder = None
        self.generation += 1

    def stop(self, status: str) -> None:
        self.status, self.holder = status, None


class TicketMachine(RuleBasedStateMachine):
    """One ticket of the toy graph, its messages and the workers that have them."""

    sessions = None

    def __init__(self) -> None:
        super().__init__()
        self.thinking: queue.Queue = queue.Queue()
        steps = dict.fromkeys(STEPS, think)
        gate = Gate(awaits_decision, rejected_to="read")
        plan = toy_plan(**steps, checks_wanted=0, time_limit_s=A_DAY.total_seconds(), gate=gate)
        policy = ApprovalPolicy("always", timeout_s=A_WHILE.total_seconds(), default_action="ignore")
        tools = fake_tools(approval=policy)
        # Each worker is a process of its own, on another machine: nobody can look whether it runs.
        self.build_runner = lambda process: StepRunner(self.sessions, plan, tools, QueueWait(A_DAY), A_DAY, process)
        self.model = Model()
        self.messages: list[Claim] = []
        self.workers: list[Worker] = []
        with self.sessions.begin() as session:
            session.execute(text("DELETE FROM pauses"))
            # Tickets of earlier examples are of no interest any more.
            session.execute(text("UPDATE tickets SET status = 'cancelled', wake_at = NULL WHERE wake_at IS NOT NULL"))
        self.ticket_id = submit_ticket(self.sessions, "default", NewTicket("Hello", "Anybody?"), "read").ticket_id

    # -- The dispatcher and the clock -------------------------------------------------------------

    @rule()
    def dispatch(self) -> None:
        may_go = self.model.may_go
        rings = self.look().rings
        with self.sessions.begin() as session:
            move_clocks(session)
            dispatched = claim_due(session, 10, timedelta(hours=1), TOY_LINEAGE)

        # A suspect's random wait may end between the look and the dispatch.
        assert dispatched or not (may_go and rings)
        assert may_go or not dispatched
        for each in dispatched:
            self.model.generation += 1
            assert (each.generation, each.next_step) == (self.model.generation, self.model.next_step)
            self.messages.append(Claim(self.ticket_id, each.next_step, each.generation))

    @precondition(lambda self: self.model.is_live)
    @rule(hours=st.sampled_from([1, 48]))
    def time_passes(self, hours: int) -> None:
        with self.sessions.begin() as session:
            session.execute(
                text("""
                    UPDATE tickets SET wake_at = wake_at - :past, lease_until = lease_until - :past WHERE id = :id
                """),
                {"past": timedelta(hours=hours), "id": self.ticket_id},
            )

    @precondition(lambda self: self.model.holder)
    @rule()
    def expire(self) -> None:
        is_over = self.model.holder is not None and not self.look().has_time_left
        with self.sessions.begin() as session:
            assert expire_leases(session, 10) == int(is_over)
        if is_over:
            self.model.lose_holder()
            self.model.give_back()

    @precondition(lambda self: self.lost_processes)
    @rule(data=st.data())
    def settle(self, data) -> None:
        """Find out whether a process that let a lease go is dead; whoever counted as dead may turn up as well."""
        lost = data.draw(st.sampled_from(self.lost_processes), label="process")
        is_alive = any(worker.id == lost for worker in self.workers)
        with self.sessions.begin() as session:
            if is_alive:
                drop_question(session, lost)
            else:
                convict(session, lost)
        if is_alive:
            del self.model.lost[lost]
        elif self.model.is_live:
            self.count_death(lost)

    @precondition(lambda self: self.lost_processes and self.model.is_live)
    @rule(data=st.data())
    def mistake_for_dead(self, data) -> None:
        """Convict a process that only could not be heard."""
        lost = data.draw(st.sampled_from(self.lost_processes), label="process")
        with self.sessions.begin() as session:
            convict(session, lost)
        self.count_death(lost)

    @precondition(lambda self: self.model.talk)
    @rule()
    def expire_approval(self) -> None:
        is_over = self.model.awaits and self.look().rings
        with self.sessions.begin() as session:
            assert len(expire_approvals(session, 10)) == int(is_over)
        if is_over:
            self.model.answer("ignore", "approval.expired")

    # -- The broker --------------------------------------------------------------------------------

    @precondition(lambda self: self.messages)
    @rule(data=st.data())
    def deliver(self, data) -> None:
        self.receive(self.messages.pop(data.draw(self.a_message(), label="message")))

    @precondition(lambda self: self.messages)
    @rule(data=st.data())
    def deliver_and_keep(self, data) -> None:
        """Send a message a second time, as brokers may, while the first is under way."""
        self.receive(self.messages[data.draw(self.a_message(), label="message")])

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def deliver_again_what_is_under_way(self, data) -> None:
        """Send again what a worker still thinks about: its connection was lost, the worker was not."""
        claim = data.draw(st.sampled_from(self.workers), label="worker").claim
        self.receive(replace(claim, is_redelivered=True))

    @precondition(lambda self: len(self.messages) > 1)
    @rule()
    def lose_message(self) -> None:
        self.messages.pop()

    # -- Workers -----------------------------------------------------------------------------------

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def commit(self, data) -> None:
        self.finish(self.pop_worker(data), is_wanted=data.draw(st.booleans(), label="is a person wanted"))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def fail_for_now(self, data) -> None:
        worker = self.pop_worker(data)
        is_ours, is_last = self.is_ours(worker), self.model.attempt >= MAX_ATTEMPTS
        outcome = worker.end(TransientError("try again"))
        if is_ours:
            self.count_try()
        if not is_ours:
            self.stale(worker, outcome)
        elif is_last:
            assert outcome == Failed("try again")
            self.model.stop("failed")
        else:
            assert isinstance(outcome, Retrying)
            self.model.give_back()

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def fail_for_good(self, data) -> None:
        worker = self.pop_worker(data)
        is_ours = self.is_ours(worker)
        outcome = worker.end(PermanentError("no use"))
        if not is_ours:
            self.stale(worker, outcome)
        else:
            self.count_try()
            assert outcome == Failed("no use")
            self.model.stop("failed")

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), does_broker_notice=st.booleans())
    def die(self, data, *, does_broker_notice: bool) -> None:
        worker = self.pop_worker(data)
        assert worker.end(Death()) is None
        if does_broker_notice:
            claim = worker.claim
            self.messages.append(Claim(claim.ticket_id, claim.step, claim.generation, is_redelivered=True))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def heartbeat(self, data) -> None:
        """Keep a lease, or claim one for a first try that takes long."""
        worker = data.draw(st.sampled_from(self.workers), label="worker")
        is_ours = self.is_ours(worker)
        assert worker.beat() == is_ours
        if is_ours:
            self.count_try()
            self.model.holder, worker.is_claimed = worker, True

    # -- People ------------------------------------------------------------------------------------

    @rule(is_meant=st.sampled_from([False, False, False, True]))
    def cancel(self, *, is_meant: bool) -> None:
        if not is_meant:
            return  # a cancelled ticket is the end of most stories
        if self.model.status == "completed":
            with pytest.raises(ConflictError):
                cancel_ticket(self.sessions, None, self.ticket_id)
            return
        was_cancelled = self.model.status == "cancelled"
        cancel_ticket(self.sessions, None, self.ticket_id)
        if not was_cancelled:
            self.model.stop("cancelled")
            self.model.generation += 1
            self.model.attempt, self.model.lost = 0, {}

    @precondition(lambda self: self.model.talk)
    @rule(action=st.sampled_from(ACTIONS), is_stale=st.sampled_from([False, False, True]))
    def decide(self, action: str, *, is_stale: bool) -> None:
        judgement = Judgement(action, "tests", final_response="Bye" if action == "edit" else None)
        seen = self.look().version - is_stale
        if is_stale or not self.model.awaits:
            with pytest.raises(VersionConflictError if is_stale else ConflictError):
                decide_approval(self.sessions, "default", self.ticket_id, judgement, seen)
            return
        decide_approval(self.sessions, "default", self.ticket_id, judgement, seen)
        if action == "reject":
            self.model.start_over("read")
            self.model.talk.append("approval.given")
        else:
            self.model.answer(action, "approval.given")

    @rule(step=st.sampled_from(STEPS))
    def rewind(self, step: str) -> None:
        if step not in self.model.finished or self.model.status == "cancelled":
            with pytest.raises(ConflictError):
                rewind_ticket(self.sessions, None, self.ticket_id, step)
            return
        rewind_ticket(self.sessions, None, self.ticket_id, step)
        self.model.start_over(step)
        self.model.decision = None
        self.model.finished = self.model.finished[: self.model.finished.index(step)]

    @precondition(lambda self: self.model.status == "failed")
    @rule()
    def retry(self) -> None:
        retry_ticket(self.sessions, None, self.ticket_id)
        self.model.start_over(self.model.next_step)

    @precondition(lambda self: self.model.is_live)
    @rule(is_paused=st.sampled_from([False, False, True]))
    def pause_or_resume(self, *, is_paused: bool) -> None:
        with self.sessions.begin() as session:
            if is_paused:
                record_pause(session, EVERY_TENANT, EVERY_STEP, None)
            else:
                remove_pause(session, EVERY_TENANT, EVERY_STEP)
        self.model.is_paused = is_paused

    # -- What must always hold -----------------------------------------------------------------------

    @invariant()
    def the_ticket_is_as_the_model_says(self) -> None:
        seen, model = self.look(), self.model
        assert seen[:5] == (model.status, model.next_step, model.generation, model.attempt, model.deaths)
        assert seen.lease_token == (model.holder.kept.lease.token if model.holder else None)
        # Whoever is asked is answered for once, by a person or by the clock, and nothing is forgotten or made up.
        assert (seen.decision, seen.talk) == (model.decision, model.talk)
        # Every effect is taken once, and in order.
        assert [step for step, _, _ in seen.ledger] == model.effects
        assert [step for step, _, is_superseded in seen.ledger if not is_superseded] == model.finished
        assert seen.trail == [[step, round_] for step, round_, _ in seen.ledger]

    def teardown(self) -> None:
        """Whatever happened, the ticket ends once the faults are over."""
        for worker in list(self.workers):
            self.workers.remove(worker)
            worker.end(Death())
        self.pause_or_resume(is_paused=False)
        for _ in range(200):
            if not self.model.is_live:
                break
            self.time_passes(48)
            self.expire()
            with self.sessions.begin() as session:
                for lost in self.lost_processes:
                    convict(session, lost)
                    self.count_death(lost)
            self.expire_approval()
            self.dispatch()
            while self.messages:
                self.receive(self.messages.pop(0))
                if self.workers:
                    self.finish(self.workers.pop())
        assert not self.model.is_live

    # -- Helpers -------------------------------------------------------------------------------------

    def a_message(self) -> st.SearchStrategy[int]:
        return st.integers(0, len(self.messages) - 1)

    def receive(self, claim: Claim) -> None:
        """Give a message to a new worker, and see whether it thinks or refuses as it should."""
        expected = self.expect_claim(claim)
        worker = Worker(self.build_runner, claim, self.thinking)
        if worker.begin():
            assert expected is None
            self.take(worker)
            return
        worker.join(timeout=30)
        came = "failed" if isinstance(worker.outcome, Failed) else worker.outcome
        assert expected is not None
        assert came == expected
        if expected is Unchanged.ALREADY_DONE:
            self.follow(claim)

    def expect_claim(self, claim: Claim) -> Unchanged | Literal["failed"] | None:
        """Say what must come of a delivery, and change the model so; ``None`` for a step that is thought about."""
        model = self.model
        if claim.generation != model.generation or not model.is_live or model.awaits or model.next_step is None:
            return Unchanged.SUPERSEDED
        if model.next_step != claim.step:
            return (
                Unchanged.SUPERSEDED
                if STEPS.index(model.next_step) < STEPS.index(claim.step)
                else Unchanged.ALREADY_DONE
            )
        if model.holder is not None and not self.may_take_over(claim):
            return Unchanged.BUSY
        is_unseen = claim.is_redelivered and model.holder is None and model.attempt == 0
        expected = self.expect_of_the_dead()
        if expected is None and is_unseen:
            model.lost[self.ticket_id] = False
        if expected is None and model.is_shut(claim.step):
            model.ask()
            return Unchanged.ASKED
        return expected

    def may_take_over(self, claim: Claim) -> bool:
        """Tell whether a message gets its ticket from whoever holds it: once, before it is known who is dead."""
        model = self.model
        if self.lost_processes or model.is_paused or model.attempt >= MAX_ATTEMPTS:
            return False
        return claim.is_redelivered or not self.look().has_time_left

    def expect_of_the_dead(self) -> Unchanged | Literal["failed"] | None:
        """Say what must come of a delivery when whoever held the ticket, if anybody, may be dead."""
        model = self.model
        if model.holder is not None:
            model.lose_holder()
        elif model.deaths >= MAX_DEATHS or model.attempt >= MAX_ATTEMPTS:
            model.stop("failed")
            return "failed"
        elif model.is_paused:
            model.give_back()
            return Unchanged.HELD
        return None

    def finish(self, worker: Worker, *, is_wanted: bool = False) -> None:
        """Let a worker's step succeed; check may find that a person is wanted before send."""
        step = worker.claim.step
        key = {"read": "read", "check": "checked", "send": "sent"}[step]
        is_ours = self.is_ours(worker)

        found = {"approval": "wanted" if is_wanted else "not_needed", "draft": "Hello"} if step == "check" else {}
        outcome = worker.end({key: 1, **found})

        if not is_ours:
            self.stale(worker, outcome)
            return
        following = dict(zip(STEPS, (*STEPS[1:], None), strict=True))[step]
        if step == "check":
            self.model.is_wanted = is_wanted
        is_asked = following is not None and self.model.is_shut(following)
        assert outcome == Committed(following, is_chain_valid=following is not None and not is_asked)
        self.model.effects.append(step)
        self.model.finished.append(step)
        self.model.attempt, self.model.lost = 0, {}
        self.model.holder, self.model.next_step = None, following
        self.model.status = "processing" if following else "completed"
        if is_asked:
            self.model.ask()
        else:
            self.follow(worker.claim)

    def take(self, worker: Worker) -> None:
        """Note who is at work: with a lease, or at a first try of which the ticket knows nothing."""
        model = self.model
        self.workers.append(worker)
        worker.is_claimed = worker.claim.is_redelivered or model.attempt > 0
        if worker.is_claimed:
            model.status = "processing"
            model.attempt += 1
            model.holder = worker

    def is_ours(self, worker: Worker) -> bool:
        """Tell whether what a worker brings will count."""
        model, claim = self.model, worker.claim
        if worker.is_claimed:
            return worker is model.holder
        is_untouched = model.holder is None and model.attempt == 0 and model.is_live and not model.awaits
        return is_untouched and (model.generation, model.next_step) == (claim.generation, claim.step)

    def count_try(self) -> None:
        self.model.status, self.model.attempt = "processing", max(self.model.attempt, 1)

    @property
    def lost_processes(self) -> list[UUID]:
        return sorted(set(self.model.lost) - {self.ticket_id})

    def count_death(self, process: UUID) -> None:
        """Count a death, and with it the unknown one before: neither counts twice."""
        if not self.model.lost[process]:
            self.model.lost |= dict.fromkeys({process, self.ticket_id} & set(self.model.lost), True)

    def stale(self, worker: Worker, outcome: StepOutcome | None) -> None:
        assert outcome == Unchanged.LOST
        self.model.lost.pop(worker.id if worker.is_claimed else self.ticket_id, None)

    def follow(self, claim: Claim) -> None:
        """Publish the chain's next link, as Celery does."""
        place = STEPS.index(claim.step) + 1
        if place < len(STEPS):
            self.messages.append(Claim(claim.ticket_id, STEPS[place], claim.generation))

    def pop_worker(self, data) -> Worker:
        return self.workers.pop(data.draw(st.integers(0, len(self.workers) - 1), label="worker"))

    def look(self) -> Row:
        """Read the ticket, its ledger and its trail."""
        with self.sessions() as session:
            return session.execute(_LOOK, {"id": self.ticket_id}).one()
