"""Who is dead: what proves it, and how long silence must last to do so."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ticketflow.services import liveness
from ticketflow.services.liveness import LEAST_GRACE_S, Inquest, Pulse, describe_process, is_alive
from ticketflow.services.run_step import WRITE_PAUSES_S
from ticketflow.storage.holders import beat, convict
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import build_engine

A_SECOND = timedelta(seconds=1)
AN_HOUR = timedelta(hours=1)
LEASE_S = 15.0


def ticket_of(sessions, claim) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, claim.ticket_id)


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
