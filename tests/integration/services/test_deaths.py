"""Steps whose worker ends without a word: only a proven end is a death, and the third is the step's doing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.harness.wait import wait_until
from tests.toy import MAX_ATTEMPTS
from ticketflow.services.liveness import describe_process
from ticketflow.storage.due import wake_in_flight
from ticketflow.storage.holders import Process, beat
from ticketflow.storage.leases import Claim, Lease, Refusal
from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.workflow.outcomes import Committed, Failed, Unchanged
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_DEATHS, SUSPECT_WAIT_S

A_SECOND = timedelta(seconds=1)
AN_HOUR = timedelta(hours=1)
LEASE_S = 15.0


def ticket_of(sessions, claim) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, claim.ticket_id)


def again(claim):
    return replace(claim, is_redelivered=True)


def test_a_message_that_comes_again_is_taken_over_at_once_and_no_death_is_counted(
    sessions, new_runner, first_claim, hold
):
    first, _ = hold(first_claim)
    _, second = hold(again(first_claim))

    ticket = ticket_of(sessions, first_claim)
    assert isinstance(second, Lease)
    assert (ticket.deaths, list(ticket.lost_holders)) == (0, [str(first.id)])


def test_a_committed_step_forgets_who_was_lost(sessions, new_runner, first_claim, hold):
    hold(first_claim)

    assert isinstance(new_runner().run(again(first_claim)), Committed)
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.deaths, ticket.lost_holders, ticket.holder) == (0, {}, None)


def test_while_it_is_open_who_is_dead_a_message_that_comes_again_takes_nothing_over(new_runner, first_claim, hold):
    hold(first_claim)
    hold(again(first_claim))

    assert new_runner().run(again(first_claim)) == Unchanged.BUSY


def test_nobody_takes_over_from_the_process_they_are_in(first_claim, hold):
    process, _ = hold(first_claim)

    _, refusal = hold(again(first_claim), process)

    assert isinstance(refusal, Refusal)


def test_nobody_takes_over_from_a_process_that_is_seen_to_run(sessions, new_runner, first_claim, hold):
    here = describe_process()
    with sessions.begin() as session:
        beat(session, here)
    hold(first_claim, here)

    assert new_runner().run(again(first_claim)) == Unchanged.BUSY
    assert ticket_of(sessions, first_claim).lost_holders == {}


def test_however_often_the_holder_is_lost_and_found_nothing_is_counted(
    sessions, new_runner, first_claim, hold, fate, dispatch
):
    claim = first_claim
    for _ in range(MAX_ATTEMPTS - 1):
        process, _ = hold(claim)
        fate.let_time_pass()
        assert fate.expire() == 1
        fate.settle(process, is_dead=False)
        (dispatched,) = dispatch()
        claim = replace(claim, generation=dispatched.generation)

    assert isinstance(new_runner().run(claim), Committed)


def test_a_ticket_that_two_may_have_died_with_waits_until_it_is_settled(sessions, first_claim, hold, fate, dispatch):
    first, _ = hold(first_claim)
    second, _ = hold(again(first_claim))
    fate.let_time_pass()
    fate.expire()

    assert dispatch() == []
    fate.settle(first, is_dead=True)
    assert dispatch() == []
    fate.settle(second, is_dead=False)

    assert len(dispatch()) == 1
    assert ticket_of(sessions, first_claim).deaths == 1


def test_after_the_second_death_the_ticket_waits_for_a_moment_of_its_own(sessions, first_claim, hold, fate):
    processes = [hold(first_claim)[0], hold(again(first_claim))[0]]
    fate.let_time_pass()
    fate.expire()
    for process in processes:
        fate.settle(process, is_dead=True)

    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.deaths, ticket.lease_token, ticket.is_in_flight) == ("processing", 2, None, False)
    assert timedelta() <= ticket.wake_at - ticket.updated_at <= timedelta(seconds=2 * SUSPECT_WAIT_S) + AN_HOUR


def test_a_step_that_kills_its_worker_does_so_three_times_and_fails(
    sessions, new_runner, first_claim, hold, dispatch, fate
):
    granted = [hold(first_claim), hold(again(first_claim))]
    claim = first_claim
    for _ in range(MAX_DEATHS - 1):
        fate.let_time_pass()
        fate.expire()
        for process, _ in granted:
            fate.settle(process, is_dead=True)
        fate.let_time_pass()
        (dispatched,) = dispatch()
        claim = replace(claim, generation=dispatched.generation)
        if len(granted) < MAX_DEATHS:
            granted.append(hold(replace(claim, is_alone=True)))

    outcome = new_runner().run(claim)

    assert isinstance(outcome, Failed)
    assert [type(lease) for _, lease in granted] == [Lease] * MAX_DEATHS
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.error["class"], ticket.state.get("read")) == ("failed", "WorkerDiedError", None)
    assert "is it killing them?" in ticket.error["message"]


@pytest.fixture
def suspect(sessions, first_claim):
    """Return the claim of a ticket that two workers died with."""
    with sessions.begin() as session:
        session.execute(update(Ticket).values(deaths=SUSPECT_DEATHS))
    return first_claim


def test_a_suspect_is_granted_to_whoever_has_nothing_else_under_way(hold, suspect):
    _, refusal = hold(suspect)
    _, lease = hold(replace(suspect, is_alone=True))

    assert (type(refusal), type(lease)) == (Refusal, Lease)
    assert (refusal.deaths, refusal.token) == (SUSPECT_DEATHS, None)


def test_a_suspect_is_not_held_before_its_neighbours_are_done(new_runner, submit, dispatch, suspect, sessions):
    entered, door = threading.Event(), threading.Event()
    submit()
    (dispatched,) = dispatch()

    def read(state, tools):
        if state["ticket_id"] == str(dispatched.ticket_id):
            entered.set()
            assert door.wait(30)
        return {"read": 1}

    runner = new_runner(read=read)
    with ThreadPoolExecutor(2) as pool:
        neighbour = pool.submit(runner.run, Claim(dispatched.ticket_id, "read", dispatched.generation))
        assert entered.wait(30)
        waiting = pool.submit(runner.run, suspect)
        wait_until(lambda: runner._isolation._is_taken)  # noqa: SLF001  # it waits, and nothing shows it
        token = ticket_of(sessions, suspect).lease_token
        door.set()

        assert token is None
        assert [type(each.result()) for each in (neighbour, waiting)] == [Committed, Committed]
    assert ticket_of(sessions, suspect).deaths == 0


def test_one_process_dies_once_with_a_step_however_often_it_was_lost(sessions, first_claim, hold, fate, dispatch):
    process, _ = hold(first_claim)
    fate.let_time_pass()
    fate.expire()
    (dispatched,) = dispatch()
    hold(replace(first_claim, generation=dispatched.generation), process)
    fate.let_time_pass()
    fate.expire()

    fate.settle(process, is_dead=True)
    fate.settle(process, is_dead=True)

    assert ticket_of(sessions, first_claim).deaths == 1


def test_whoever_was_taken_for_dead_and_turns_up_takes_its_death_back(sessions, first_claim, hold, fate):
    process, _ = hold(first_claim)
    hold(again(first_claim))
    fate.settle(process, is_dead=True)
    assert ticket_of(sessions, first_claim).deaths == 1

    fate.settle(process, is_dead=False)

    ticket = ticket_of(sessions, first_claim)
    assert (ticket.deaths, ticket.lost_holders) == (0, {})


def test_a_lease_that_runs_out_is_put_down_and_its_ticket_is_due_at_once(sessions, first_claim, hold, fate, dispatch):
    process, _ = hold(first_claim)
    fate.let_time_pass()

    assert fate.expire() == 1
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.deaths, ticket.lease_token, ticket.holder, ticket.is_in_flight) == (0, None, None, False)
    assert list(ticket.lost_holders) == [str(process.id)]
    (dispatched,) = dispatch()
    assert dispatched.next_step == "read"
    assert dispatched.generation > first_claim.generation
    with sessions() as session:
        event = session.scalars(select(TicketEvent).where(TicketEvent.type == "step.lease_expired")).one()
    assert (event.step, event.attempt, event.detail) == ("read", 1, {"deaths": 0})


def test_a_lease_that_has_time_left_does_not_run_out(first_claim, hold, fate):
    hold(first_claim)

    assert fate.expire() == 0


def test_a_ticket_somebody_holds_is_not_due(sessions, first_claim, hold, dispatch):
    hold(first_claim)
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now() - A_SECOND))

    assert dispatch() == []


def test_after_a_restart_of_everything_whoever_held_a_ticket_is_looked_for(sessions, first_claim, hold):
    process, _ = hold(first_claim)

    with sessions.begin() as session:
        assert wake_in_flight(session) == 1

    ticket = ticket_of(sessions, first_claim)
    assert (list(ticket.lost_holders), ticket.lease_token) == ([str(process.id)], None)


def test_a_holder_that_was_only_slow_takes_its_death_back(sessions, new_runner, first_claim, hold, fate):
    def read_slowly(state, tools):
        holder = ticket_of(sessions, first_claim).holder
        hold(again(first_claim))
        fate.settle(Process(holder, "", 0, 0), is_dead=True)
        assert ticket_of(sessions, first_claim).deaths == 1
        return {"read": 99}

    assert new_runner(read=read_slowly).run(first_claim) == Unchanged.LOST
    assert ticket_of(sessions, first_claim).deaths == 0


def test_of_several_suspects_one_travels_at_a_time(sessions, submit, dispatch, fate):
    for _ in range(3):
        submit()
    with sessions.begin() as session:
        session.execute(update(Ticket).values(deaths=2))
    submit()

    first, second = dispatch(), dispatch()
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == first[-1].ticket_id).values(deaths=0))
    third = dispatch()

    assert [len(each) for each in (first, second, third)] == [2, 0, 1]
    assert third[0].ticket_id != first[-1].ticket_id


def test_a_copy_of_a_message_whose_lease_ended_is_worth_nothing(new_runner, first_claim, hold, fate):
    hold(first_claim)
    hold(again(first_claim))
    fate.let_time_pass()
    fate.expire()

    assert new_runner().run(again(first_claim)) == Unchanged.SUPERSEDED
