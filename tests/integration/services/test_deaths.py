"""Steps whose worker ends without a word: the first time is bad luck, the third is the step's doing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.toy import MAX_ATTEMPTS
from ticketflow.services.outcomes import Committed, LostLease, Parked, Retrying, Superseded
from ticketflow.storage.due import expire_leases, wake_in_flight
from ticketflow.storage.leases import Lease, Refusal, claim_step
from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_WAIT_S

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def die(sessions):
    """Claim as a worker does that ends without a word."""

    def claim_and_die(claim) -> Lease | Refusal:
        with sessions.begin() as session:
            return claim_step(session, claim, timedelta(hours=1), MAX_ATTEMPTS)

    return claim_and_die


@pytest.fixture
def let_time_pass(sessions):
    """Let every lease run out and every clock ring."""

    def pass_on() -> None:
        with sessions.begin() as session:
            past = func.now() - A_SECOND
            session.execute(update(Ticket).where(Ticket.lease_token.is_not(None)).values(lease_until=past))
            session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=past))

    return pass_on


@pytest.fixture
def expire(sessions):
    def end_leases() -> int:
        with sessions.begin() as session:
            return expire_leases(session, 10)

    return end_leases


def ticket_of(sessions, claim) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, claim.ticket_id)


def test_after_the_first_death_the_ticket_goes_on_at_once(sessions, new_runner, first_claim, die):
    die(first_claim)

    assert isinstance(new_runner().run(replace(first_claim, is_redelivered=True)), Committed)
    assert ticket_of(sessions, first_claim).deaths == 0


def test_after_the_second_death_the_ticket_waits_for_a_moment_of_its_own(sessions, new_runner, first_claim, die):
    redelivered = replace(first_claim, is_redelivered=True)
    die(first_claim)
    die(redelivered)

    outcome = new_runner().run(redelivered)

    assert isinstance(outcome, Retrying)
    assert timedelta() <= outcome.delay <= timedelta(seconds=2 * SUSPECT_WAIT_S)
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.deaths, ticket.lease_token, ticket.is_in_flight) == ("processing", 2, None, False)
    assert ticket.error["class"] == "WorkerDiedError"


def test_a_step_that_kills_its_worker_does_so_three_times_and_is_parked(
    sessions, new_runner, first_claim, die, dispatch, let_time_pass
):
    granted = [die(first_claim), die(replace(first_claim, is_redelivered=True))]
    assert isinstance(new_runner().run(replace(first_claim, is_redelivered=True)), Retrying)
    let_time_pass()
    (departure,) = dispatch()
    third = replace(first_claim, generation=departure.generation)
    granted.append(die(third))

    outcome = new_runner().run(replace(third, is_redelivered=True))

    assert isinstance(outcome, Parked)
    assert [type(each) for each in granted] == [Lease] * MAX_DEATHS
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.status, ticket.error["class"], ticket.state.get("read")) == ("failed", "WorkerDiedError", None)


def test_a_lease_that_runs_out_is_a_death_and_its_ticket_is_due_at_once(
    sessions, first_claim, die, let_time_pass, expire, dispatch
):
    die(first_claim)
    let_time_pass()

    assert expire() == 1
    ticket = ticket_of(sessions, first_claim)
    assert (ticket.deaths, ticket.lease_token, ticket.is_in_flight) == (1, None, False)
    (departure,) = dispatch()
    assert departure.next_step == "read"
    assert departure.generation > first_claim.generation
    with sessions() as session:
        event = session.scalars(select(TicketEvent).where(TicketEvent.type == "step.lease_expired")).one()
    assert (event.step, event.attempt, event.detail) == ("read", 1, {"deaths": 1})


def test_a_lease_that_has_time_left_does_not_run_out(first_claim, die, expire):
    die(first_claim)

    assert expire() == 0


def test_a_ticket_somebody_holds_is_not_due(sessions, first_claim, die, dispatch):
    die(first_claim)
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now() - A_SECOND))

    assert dispatch() == []


def test_after_a_restart_of_everything_whoever_was_held_counts_a_death(sessions, first_claim, die):
    die(first_claim)

    with sessions.begin() as session:
        assert wake_in_flight(session) == 1

    assert (ticket_of(sessions, first_claim).deaths, ticket_of(sessions, first_claim).lease_token) == (1, None)


def test_a_holder_that_was_only_slow_takes_its_death_back(sessions, new_runner, first_claim, die):
    def read_slowly(state, tools):
        die(replace(first_claim, is_redelivered=True))
        assert ticket_of(sessions, first_claim).deaths == 1
        return {"read": 99}

    assert new_runner(read=read_slowly).run(first_claim) == LostLease()
    assert ticket_of(sessions, first_claim).deaths == 0


def test_of_several_suspects_one_travels_at_a_time(sessions, submit, dispatch, let_time_pass):
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


def test_a_copy_of_a_suspects_message_does_not_cut_the_wait_short(new_runner, first_claim, die, let_time_pass, expire):
    redelivered = replace(first_claim, is_redelivered=True)
    die(first_claim)
    die(redelivered)
    let_time_pass()
    expire()

    assert new_runner().run(redelivered) == Superseded()
