"""Steps whose worker ends without a word: only a proven end is a death, and the third is the step's doing."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError

from tests.harness.wait import wait_until
from tests.toy import MAX_ATTEMPTS
from ticketflow.services import liveness
from ticketflow.services.liveness import LEAST_GRACE_S, Inquest, Pulse, describe_process, is_alive
from ticketflow.services.run_step import WRITE_PAUSES_S
from ticketflow.storage.due import expire_leases, wake_in_flight
from ticketflow.storage.holders import Process, beat, convict, drop_question
from ticketflow.storage.leases import Claim, Lease, Refusal, claim_step
from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.storage.session import build_engine
from ticketflow.workflow.outcomes import Committed, Failed, Unchanged
from ticketflow.workflow.policy import MAX_DEATHS, SUSPECT_DEATHS, SUSPECT_WAIT_S

A_SECOND = timedelta(seconds=1)
AN_HOUR = timedelta(hours=1)
LEASE_S = 15.0


@pytest.fixture
def new_process(sessions):
    """Describe a process of another machine whose heart has beaten once."""

    def make() -> Process:
        process = Process(uuid4(), "elsewhere", 1, 1)
        with sessions.begin() as session:
            beat(session, process)
        return process

    return make


@pytest.fixture
def hold(sessions, new_process):
    """Claim as a worker does that then says nothing; returns its process with what it got."""

    def claim_and_be_silent(claim, process=None) -> tuple[Process, Lease | Refusal]:
        process = process or new_process()
        with sessions.begin() as session:
            return process, claim_step(session, claim, AN_HOUR, MAX_ATTEMPTS, holder=process.id)

    return claim_and_be_silent


@pytest.fixture
def let_time_pass(sessions):
    """Let every lease run out and every clock ring."""

    def pass_on() -> None:
        with sessions.begin() as session:
            past = func.now() - A_SECOND
            session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=past, lease_until=past))

    return pass_on


@pytest.fixture
def expire(sessions):
    def end_leases() -> int:
        with sessions.begin() as session:
            return expire_leases(session, 10)

    return end_leases


@pytest.fixture
def settle(sessions):
    """Say what became of a process."""

    def decide(process: Process, *, is_dead: bool) -> None:
        with sessions.begin() as session:
            if is_dead:
                convict(session, process.id)
            else:
                drop_question(session, process.id)

    return decide


@pytest.fixture
def fate(let_time_pass, expire, settle):
    """All that can happen to leases and processes."""
    return SimpleNamespace(let_time_pass=let_time_pass, expire=expire, settle=settle)


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


# -- Who is dead ---------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Give whoever looks into deaths a clock that is set by hand."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(liveness.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def be_silent(sessions):
    """Let a process have been silent, and lost, for so long."""

    def age(seconds: float) -> None:
        past = {"past": timedelta(seconds=seconds), "seconds": seconds}
        with sessions.begin() as session:
            session.execute(text("UPDATE holders SET seen_at = seen_at - :past"), past)
            aged = """
                UPDATE tickets SET lost_holders = (
                    SELECT jsonb_object_agg(key, value || jsonb_build_object('at', (value ->> 'at')::float8 - :seconds))
                    FROM jsonb_each(lost_holders))
                WHERE lost_holders <> '{}'
            """
            session.execute(text(aged), past)

    return age


@pytest.fixture
def lost(first_claim, hold, fate):
    """Have a process that let its lease run out."""
    process, _ = hold(first_claim)
    fate.let_time_pass()
    fate.expire()
    return process


def outcome_of(sessions, claim) -> tuple[int, int]:
    """Return how many deaths are counted, and how many lost holders are known."""
    ticket = ticket_of(sessions, claim)
    return ticket.deaths, len(ticket.lost_holders)


def test_a_heart_that_is_silent_while_others_are_heard_has_stopped(sessions, first_claim, lost, be_silent, clock):
    inquest = Inquest(sessions, LEASE_S)
    be_silent(2 * LEASE_S)
    inquest.look()
    clock.now += LEASE_S - 1
    inquest.look()
    before = outcome_of(sessions, first_claim)
    clock.now += 2

    inquest.look()

    assert (before, outcome_of(sessions, first_claim)) == ((0, 1), (1, 1))


@pytest.fixture
def count_deaths(sessions, first_claim, lost):
    """Count the deaths with the ticket that somebody was lost with."""
    return lambda: outcome_of(sessions, first_claim)[0]


@pytest.fixture
def count_deaths_of_long_silence(count_deaths, be_silent):
    """Count them, of somebody who has been silent for longer than any lease here."""
    be_silent(2 * LEASE_S)
    return count_deaths


@pytest.mark.parametrize(
    ("lease_s", "waits_s", "deaths"),
    [
        (LEASE_S, (14, 1), 0),  # just as long as a lease is not yet longer
        (LEASE_S, (14, 2), 1),
        (LEASE_S, (15, 1), 1),
        (LEASE_S, (16, 1), 0),  # whoever did not look for longer than that knows nothing of the time between
        (LEASE_S, (14, 1, 1), 1),
        (LEASE_S, (14, 1, 0.5), 0),  # nobody looks more often than once a second
        (1.0, (4, 1), 0),  # however short leases are, a busy machine keeps a heart waiting
        (1.0, (4, 2), 1),
    ],
)
def test_silence_is_worth_what_others_could_be_heard_for(
    sessions, clock, count_deaths_of_long_silence, lease_s, waits_s, deaths
):
    inquest = Inquest(sessions, lease_s)
    inquest.look()

    for wait_s in waits_s:
        clock.now += wait_s
        inquest.look()

    assert count_deaths_of_long_silence() == deaths


@pytest.mark.parametrize(("silent_s", "deaths"), [(LEASE_S / 2, 0), (LEASE_S + 1, 1)])
def test_whoever_was_heard_just_now_is_alive_however_long_one_listens(
    sessions, clock, be_silent, count_deaths, silent_s, deaths
):
    inquest = Inquest(sessions, LEASE_S)
    be_silent(silent_s)
    for _ in range(3):
        inquest.look()
        clock.now += LEASE_S - 1

    inquest.look()

    assert count_deaths() == deaths


def test_a_look_that_found_no_database_begins_the_time_of_listening_anew(sessions, clock, count_deaths_of_long_silence):
    inquest = Inquest(sessions, LEASE_S)
    inquest.look()
    engine = sessions.kw["bind"]
    sessions.configure(bind=build_engine("postgresql://nobody@127.0.0.1:1/none"))
    clock.now += LEASE_S - 1
    with pytest.raises(OperationalError):
        inquest.look()
    sessions.configure(bind=engine)

    inquest.look()
    clock.now += LEASE_S - 1
    inquest.look()

    assert count_deaths_of_long_silence() == 0
    assert inquest.has_listened


@pytest.mark.parametrize(("lease_s", "grace_s"), [(LEASE_S, 10.0), (4.5, 3.0), (1.0, 3.0)])
def test_one_has_listened_after_two_thirds_of_a_lease_or_three_seconds(sessions, clock, lease_s, grace_s):
    inquest = Inquest(sessions, lease_s)
    inquest.look()
    heard = []
    for at_s in (grace_s - 0.125, grace_s):
        clock.now = 1000.0 + at_s
        heard.append(inquest.has_listened)

    assert heard == [False, True]


def test_silence_during_an_outage_proves_nothing(sessions, first_claim, lost, be_silent, clock, monkeypatch):
    inquest = Inquest(sessions, LEASE_S)
    inquest.look()
    for _ in range(3):
        clock.now += 2 * LEASE_S  # nobody could look
        be_silent(2 * LEASE_S)
        inquest.look()
        clock.now += LEASE_S - 1
        inquest.look()

    assert outcome_of(sessions, first_claim) == (0, 1)


def test_leases_are_left_alone_until_whoever_was_cut_off_could_be_heard(sessions, clock):
    inquest = Inquest(sessions, LEASE_S)
    heard = [inquest.has_listened]
    for step_s in (0, LEASE_S / 3, LEASE_S / 3 + 0.1, 2 * LEASE_S, LEASE_S / 3, LEASE_S / 3 + 0.1):
        clock.now += step_s  # the fourth is an outage: nobody could look
        inquest.look()
        heard.append(inquest.has_listened)

    assert heard == [False, False, False, True, False, False, True]


def test_however_short_leases_are_whoever_asks_to_commit_is_heard_first(sessions, clock):
    inquest = Inquest(sessions, 1.0)
    heard = []
    for step_s in (0, 0.7, 1.4, 1.0):
        clock.now += step_s
        inquest.look()
        heard.append(inquest.has_listened)

    assert max(WRITE_PAUSES_S) < LEAST_GRACE_S
    assert heard == [False, False, False, True]


def test_a_heart_that_beats_again_is_no_death(sessions, first_claim, lost, clock):
    with sessions.begin() as session:
        convict(session, lost.id)
    with sessions.begin() as session:
        beat(session, lost)

    Inquest(sessions, LEASE_S).look()

    assert outcome_of(sessions, first_claim) == (0, 0)


def test_a_process_that_never_said_what_it_is_counts_by_its_silence(sessions, first_claim, lost, be_silent, clock):
    with sessions.begin() as session:
        session.execute(text("DELETE FROM holders"))
    be_silent(2 * LEASE_S)
    inquest = Inquest(sessions, LEASE_S)
    inquest.look()
    for _ in range(2):
        clock.now += LEASE_S - 1
        inquest.look()

    assert outcome_of(sessions, first_claim) == (1, 1)


@pytest.mark.parametrize("ends", [True, False])
def test_on_its_own_machine_a_process_is_looked_for(sessions, first_claim, hold, fate, ends):
    program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = describe_process()
    process = replace(here, id=uuid4(), pid=program.pid, born=liveness.read_birth(program.pid))
    with sessions.begin() as session:
        beat(session, process)
    hold(first_claim, process)
    fate.let_time_pass()
    fate.expire()
    if ends:
        program.kill()
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet buried

    Inquest(sessions, LEASE_S).look()

    program.kill()
    program.communicate()
    assert outcome_of(sessions, first_claim) == ((1, 1) if ends else (0, 0))


def test_a_number_that_another_process_has_now_says_nothing(sessions):
    here = describe_process()

    assert is_alive(here) is True
    assert is_alive(replace(here, born=here.born + 1)) is False
    assert is_alive(replace(here, host="elsewhere")) is None
    assert is_alive(None) is None


def test_a_pulse_is_heard(sessions):
    process = describe_process()
    Pulse(sessions, process, LEASE_S).beat()

    with sessions() as session:
        assert session.scalar(text("SELECT pid FROM holders WHERE id = :id"), {"id": process.id}) == os.getpid()
