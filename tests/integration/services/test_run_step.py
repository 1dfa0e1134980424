"""Every answer a claim can get, against real Postgres."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from tests.toy import MAX_ATTEMPTS, TOY_LINEAGE
from ticketflow.errors import PermanentError, TransientError
from ticketflow.services import run_step
from ticketflow.storage.due import claim_due
from ticketflow.storage.leases import begin_step, claim_step
from ticketflow.storage.models import Ticket, TicketEvent, TicketStep
from ticketflow.storage.pauses import EVERY_TENANT, record_pause
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, Unchanged
from ticketflow.workflow.state import DEFAULT_TENANT


def ticket_of(sessions, claim) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, claim.ticket_id)


def events_of(sessions, claim) -> list[str]:
    with sessions() as session:
        query = select(TicketEvent.type).where(TicketEvent.ticket_id == claim.ticket_id).order_by(TicketEvent.id)
        return list(session.scalars(query))


def count_steps(sessions, claim) -> int:
    with sessions() as session:
        query = select(func.count()).select_from(TicketStep).where(TicketStep.ticket_id == claim.ticket_id)
        return session.scalar(query)


def hold(sessions, claim) -> None:
    """Claim as another worker would that is still at work."""
    with sessions.begin() as session:
        claim_step(session, claim, timedelta(hours=1), MAX_ATTEMPTS)


def expire_lease(sessions, claim) -> None:
    with sessions.begin() as session:
        past = func.now() - timedelta(seconds=1)
        session.execute(update(Ticket).where(Ticket.id == claim.ticket_id).values(lease_until=past))


def test_no_lease_is_longer_than_the_step_may_take(sessions, new_runner, first_claim):
    seen = []

    def read(state, tools):
        with sessions() as session:
            seen.append(session.scalar(select(Ticket.lease_until - func.now())))
        return {"read": 1}

    new_runner(read=read, time_limit_s=2).run(replace(first_claim, is_redelivered=True))

    assert seen[0] <= timedelta(seconds=2)


def test_a_claimed_step_takes_effect_and_names_the_next(sessions, new_runner, first_claim):
    outcome = new_runner().run(first_claim)

    assert outcome == Committed("check", is_chain_valid=True)
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.state["read"], ticket.next_step, ticket.version, ticket.status) == (1, "check", 2, "processing")
    assert events_of(sessions, first_claim) == ["ticket.received", "step.started", "step.completed"]


@pytest.fixture
def looked(monkeypatch):
    """Note at which steps a ticket's row was read to begin them."""
    steps = []

    def look(session, claim, *others):
        steps.append(claim.step)
        return begin_step(session, claim, *others)

    monkeypatch.setattr(run_step, "begin_step", look)
    return steps


def test_the_next_step_begins_in_the_same_process_without_a_look(sessions, new_runner, first_claim, looked):
    runner = new_runner(checks_wanted=2)

    outcomes = [runner.run(replace(first_claim, step=step)) for step in ("read", "check")]

    assert looked == ["read"]
    assert outcomes[-1] == Committed("read", is_chain_valid=False)
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now()))
        (again,) = claim_due(session, 1, timedelta(hours=1), TOY_LINEAGE)
    for step in ("read", "check", "send"):
        runner.run(replace(first_claim, step=step, generation=again.generation))
    assert looked == ["read", "read"]  # a new chain may have been sent for any reason
    assert ticket_of(sessions, first_claim).status == "completed"
    with sessions() as session:
        done = session.execute(select(TicketStep.step, TicketStep.round).order_by(TicketStep.finished_at)).all()
    assert done == [("read", 1), ("check", 1), ("read", 2), ("check", 2), ("send", 1)]


def test_what_changed_while_a_step_thought_is_read_before_the_next(sessions, new_runner, first_claim, looked):
    def read(state, tools):
        with sessions.begin() as session:
            session.execute(update(Ticket).values(version=Ticket.version + 1))
        return {"read": 1}

    runner = new_runner(read=read)

    for step in ("read", "check"):
        runner.run(replace(first_claim, step=step))

    assert looked == ["read", "check"]


@pytest.mark.parametrize("tenant", [DEFAULT_TENANT, EVERY_TENANT])
def test_a_step_that_is_paused_is_looked_at_and_not_begun(sessions, new_runner, first_claim, looked, tenant):
    with sessions.begin() as session:
        record_pause(session, tenant, "check", None)
    runner = new_runner()

    outcomes = [runner.run(replace(first_claim, step=step)) for step in ("read", "check")]

    assert outcomes == [Committed("check", is_chain_valid=True), Unchanged.HELD]
    assert looked == ["read", "check"]


def test_after_a_claim_the_next_step_is_looked_at(new_runner, first_claim, looked):
    runner = new_runner()

    runner.run(replace(first_claim, is_redelivered=True))
    runner.run(replace(first_claim, step="check"))

    assert looked == ["check"]


def test_a_run_to_the_end_completes_the_ticket_and_stops_its_clock(sessions, new_runner, first_claim):
    runner = new_runner()

    outcomes = [runner.run(replace(first_claim, step=step)) for step in ("read", "check", "send")]

    assert outcomes[-1] == Committed(None, is_chain_valid=False)
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.next_step, ticket.wake_at, ticket.is_in_flight) == ("completed", None, None, False)
    assert ticket.finished_at is not None
    assert events_of(sessions, first_claim)[-2:] == ["step.completed", "ticket.completed"]


def test_a_second_delivery_of_a_finished_step_lets_the_chain_go_on(sessions, new_runner, first_claim):
    runner = new_runner()
    runner.run(first_claim)

    assert runner.run(first_claim) == Unchanged.ALREADY_DONE
    assert count_steps(sessions, first_claim) == 1


def test_a_message_of_an_older_generation_is_superseded(sessions, new_runner, first_claim):
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now(), lease_until=func.now()))
        claim_due(session, 1, timedelta(hours=1), TOY_LINEAGE)

    assert new_runner().run(first_claim) == Unchanged.SUPERSEDED
    assert events_of(sessions, first_claim) == ["ticket.received"]


def test_a_message_for_an_ended_ticket_is_superseded(new_runner, first_claim):
    runner = new_runner()
    for step in ("read", "check", "send"):
        runner.run(replace(first_claim, step=step))

    assert runner.run(replace(first_claim, step="send")) == Unchanged.SUPERSEDED


def test_a_message_for_a_step_not_yet_reached_is_superseded(new_runner, first_claim):
    assert new_runner().run(replace(first_claim, step="send")) == Unchanged.SUPERSEDED


def test_a_message_for_an_unknown_ticket_is_superseded(sessions, new_runner, first_claim):
    unknown = replace(first_claim, ticket_id=type(first_claim.ticket_id)(int=7))

    assert new_runner().run(unknown) == Unchanged.SUPERSEDED


def test_a_ticket_somebody_is_at_work_on_is_busy(sessions, new_runner, first_claim):
    hold(sessions, first_claim)

    assert new_runner().run(first_claim) == Unchanged.BUSY
    assert ticket_of(sessions, first_claim).attempt == 1


def test_a_redelivered_message_takes_the_ticket_over_at_once(sessions, new_runner, first_claim):
    hold(sessions, first_claim)

    assert isinstance(new_runner().run(replace(first_claim, is_redelivered=True)), Committed)
    assert ticket_of(sessions, first_claim).attempt == 0


def test_a_lease_that_ran_out_can_be_taken(sessions, new_runner, first_claim):
    hold(sessions, first_claim)
    expire_lease(sessions, first_claim)

    assert isinstance(new_runner().run(first_claim), Committed)


def test_whoever_lost_the_lease_changes_nothing(sessions, new_runner, first_claim):
    def read_slowly(state, tools):
        taken_over = new_runner().run(replace(first_claim, is_redelivered=True))
        assert isinstance(taken_over, Committed)
        return {"read": 99}

    assert new_runner(read=read_slowly).run(first_claim) == Unchanged.LOST
    assert ticket_of(sessions, first_claim).state["read"] == 1
    assert count_steps(sessions, first_claim) == 1


def test_of_eight_workers_with_the_same_message_one_takes_effect(sessions, new_runner, first_claim):
    runner, outcomes, barrier = new_runner(), [], threading.Barrier(8)

    def work():
        barrier.wait()
        outcomes.append(runner.run(first_claim))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(outcome, Committed) for outcome in outcomes) == 1
    assert count_steps(sessions, first_claim) == 1
    assert events_of(sessions, first_claim).count("step.completed") == 1


def test_a_passing_error_sets_the_clock_and_keeps_the_ticket(sessions, new_runner, first_claim):
    class ThrottledError(TransientError):
        retry_after_s = 90.0

    def fail(state, tools):
        raise ThrottledError("slow down")

    outcome = new_runner(read=fail).run(first_claim)

    assert isinstance(outcome, Retrying)
    assert outcome.delay >= timedelta(seconds=90)
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.attempt, ticket.lease_token, ticket.is_in_flight) == ("processing", 1, None, False)
    assert ticket.error["class"] == "ThrottledError"
    with sessions() as session:
        assert session.scalar(select(Ticket.wake_at - func.now() > timedelta(seconds=85)))
    assert events_of(sessions, first_claim)[-1] == "step.retrying"


def test_a_passing_error_fails_the_ticket_when_its_attempts_are_used_up(sessions, new_runner, first_claim, dispatch):
    def fail(state, tools):
        raise TransientError("still down")

    runner, claim = new_runner(read=fail), first_claim
    for _ in range(MAX_ATTEMPTS):
        outcome = runner.run(claim)
        with sessions.begin() as session:
            session.execute(
                update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=func.now(), lease_until=func.now())
            )
        for dispatched in dispatch():
            claim = replace(claim, generation=dispatched.generation)

    assert outcome == Failed("still down")
    ticket = ticket_of(sessions, claim)
    assert (ticket.status, ticket.next_step, ticket.wake_at) == ("failed", "read", None)
    assert events_of(sessions, claim)[-2:] == ["step.failed", "ticket.failed"]


def test_a_lasting_error_fails_the_ticket_and_keeps_what_is_done(sessions, new_runner, first_claim):
    def fail(state, tools):
        raise PermanentError("no such model")

    runner = new_runner(check=fail)
    runner.run(first_claim)

    assert runner.run(replace(first_claim, step="check")) == Failed("no such model")
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.next_step, ticket.state["read"]) == ("failed", "check", 1)
    traceback = ticket.error.pop("traceback")
    assert ticket.error == {"class": "PermanentError", "message": "no such model", "step": "check", "attempt": 1}
    assert traceback[-1].startswith("tests.integration.services.test_run_step:")
    assert traceback[-1].endswith(" fail")


def test_a_last_attempt_still_under_way_is_left_alone(sessions, new_runner, first_claim):
    hold(sessions, first_claim)
    with sessions.begin() as session:
        session.execute(update(Ticket).values(attempt=MAX_ATTEMPTS))

    assert new_runner().run(first_claim) == Unchanged.BUSY
    assert ticket_of(sessions, first_claim).status == "processing"


def test_a_loop_starts_a_new_chain_and_a_new_round(sessions, new_runner, first_claim, dispatch):
    runner = new_runner(checks_wanted=2)
    runner.run(first_claim)
    looped = runner.run(replace(first_claim, step="check"))

    (dispatched,) = dispatch()
    second = replace(first_claim, generation=dispatched.generation)
    for step in ("read", "check", "send"):
        outcome = runner.run(replace(second, step=step))

    assert looped == Committed("read", is_chain_valid=False)
    assert dispatched.next_step == "read"
    assert outcome == Committed(None, is_chain_valid=False)
    with sessions() as session:
        rows = session.execute(select(TicketStep.step, TicketStep.round).order_by(TicketStep.finished_at)).all()
    assert [tuple(row) for row in rows] == [("read", 1), ("check", 1), ("read", 2), ("check", 2), ("send", 1)]
    assert "read.revised" in events_of(sessions, first_claim)


def test_no_transaction_is_open_while_a_step_thinks(sessions, new_runner, first_claim):
    def look(state, tools):
        with sessions() as session:
            idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
            assert session.scalar(text(idle)) == 0
        return {"read": 1}

    assert isinstance(new_runner(read=look).run(first_claim), Committed)
