"""One row that somebody has locked, or one slow statement, holds up nobody else."""

import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError

from tests.publishers import FakePublisher
from tests.toy import MAX_ATTEMPTS
from ticketflow.services import dispatch_due as module
from ticketflow.services.dispatch_due import DispatchLimits, dispatch_due
from ticketflow.services.heartbeat import BEATS_PER_LEASE, Heartbeat, Kept
from ticketflow.storage.due import expire_approvals, expire_leases, release_unsent, wake_in_flight
from ticketflow.storage.leases import Claim, Lease, claim_step, extend_leases
from ticketflow.storage.models import Ticket, Worker
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.workers import record_worker

AN_HOUR = timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)
DISPATCHERS = 4


@pytest.fixture
def held(sessions, submit, dispatch) -> list[Lease]:
    """Four tickets, each held by a step."""
    for _ in range(4):
        submit()
    leases = []
    for sent in dispatch():
        with sessions.begin() as session:
            leases.append(claim_step(session, Claim(sent.ticket_id, "read", sent.generation), A_MINUTE, MAX_ATTEMPTS))
    return leases


@pytest.fixture
def impatient(database_url):
    """Sessions that fail rather than wait for a lock."""
    engine = build_engine(database_url)
    sessions = build_session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))
    with engine.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f'ALTER DATABASE "{name}" SET lock_timeout = 200'))
        connection.commit()
    engine.dispose()
    yield sessions
    engine.dispose()


@pytest.fixture
def lock(sessions):
    """Lock one row, as somebody at a psql prompt does."""

    @contextmanager
    def lock_row(model, key):
        with sessions.begin() as session:
            session.get_one(model, key, with_for_update=True)
            yield

    return lock_row


def read_leases(sessions) -> dict:
    with sessions() as session:
        return dict(session.execute(select(Ticket.id, Ticket.lease_until)).all())


def ask_for_an_hour(held):
    return [(lease, AN_HOUR) for lease in held]


def test_a_locked_ticket_costs_no_other_its_lease(sessions, impatient, held, lock):
    before = read_leases(sessions)
    locked, *others = (lease.claim.ticket_id for lease in held)

    with lock(Ticket, locked), impatient.begin() as session:
        good = extend_leases(session, ask_for_an_hour(held), A_MINUTE)

    after = read_leases(sessions)
    assert good == {lease.token: lease.claim.ticket_id != locked for lease in held}
    assert all(after[ticket] > before[ticket] + A_MINUTE for ticket in others)
    assert after[locked] == before[locked]


def test_only_whoever_holds_the_lease_extends_it(sessions, held):
    before = read_leases(sessions)
    first, second = held[:2]

    with sessions.begin() as session:
        good = extend_leases(session, [(replace(first, token=second.token), AN_HOUR)], A_MINUTE)

    assert good == {}
    assert read_leases(sessions) == before


def test_a_beat_that_the_database_does_not_answer_ends_in_time_and_leaves_no_trace(sessions, held, database_url):
    engine = build_engine(database_url, pool_size=1)
    beating = build_session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))
    with sessions.begin() as locker:
        locker.execute(text("LOCK TABLE tickets"))
        with pytest.raises(OperationalError), beating.begin() as session:
            extend_leases(session, ask_for_an_hour(held), timedelta(seconds=0.2))

    with beating() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "30s"
    engine.dispose()


def test_a_failed_beat_leaves_time_for_another_before_the_lease_ends(sessions, held, monkeypatch):
    timeouts = []

    def extend(session, held, timeout, holder):
        timeouts.append(timeout)
        return {lease.token: True for lease, _ in held}

    monkeypatch.setattr("ticketflow.services.heartbeat.extend_leases", extend)
    lease_for = timedelta(seconds=1.5)
    beaten = threading.Event()
    with Heartbeat(sessions, lease_for).keep(Kept.begin(held[0], 60)):
        for _ in range(1000):
            if timeouts or beaten.wait(0.01):
                break

    # Two pauses and the two beats that fail after them.
    assert 2 * (lease_for / BEATS_PER_LEASE + timeouts[0]) < lease_for + lease_for / 10


def test_a_locked_ticket_keeps_no_other_from_being_sent_again(sessions, impatient, submit, dispatch, lock):
    for _ in range(3):
        submit()
    sent = dispatch()

    with lock(Ticket, sent[0].ticket_id), impatient.begin() as session:
        released = release_unsent(session, sent, timedelta(0))

    assert released == len(sent) - 1


def test_a_locked_ticket_keeps_no_other_from_being_woken_at_the_start(impatient, held, lock):
    with lock(Ticket, held[0].claim.ticket_id), impatient.begin() as session:
        assert wake_in_flight(session) == len(held) - 1


@pytest.mark.parametrize("expire", [expire_leases, expire_approvals])
def test_a_locked_ticket_keeps_no_other_from_expiring(sessions, impatient, held, lock, expire):
    awaits = {"status": "awaiting_approval", "lease_token": None, "lease_until": None}
    past = {"lease_until": func.now() - AN_HOUR} if expire is expire_leases else awaits
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now() - AN_HOUR, **past))

    with lock(Ticket, held[0].claim.ticket_id), impatient.begin() as session:
        expired = expire(session, 10)

    assert (expired if isinstance(expired, int) else len(expired)) == len(held) - 1


def test_a_locked_worker_of_old_keeps_no_other_from_being_seen(sessions, impatient, lock):
    with sessions.begin() as session:
        for name in ("locked", "gone"):
            record_worker(session, name, 1, 0.0)
        session.execute(update(Worker).values(seen_at=func.now() - timedelta(days=2)))

    with lock(Worker, "locked"), impatient.begin() as session:
        record_worker(session, "one", 1, 0.0)

    with sessions() as session:
        assert set(session.scalars(select(Worker.name))) == {"locked", "one"}


def test_however_many_dispatch_at_once_the_window_is_never_overshot(sessions, submit, monkeypatch):
    for _ in range(20):
        submit()
    counted = threading.Barrier(DISPATCHERS)

    def count_together(session):
        """Count, and wait for the others to count before anybody claims, unless they cannot."""
        count = real(session)
        with suppress(threading.BrokenBarrierError):
            counted.wait(0.5)
        return count

    real = module.count_in_flight
    monkeypatch.setattr(module, "count_in_flight", count_together)
    publishers = [FakePublisher() for _ in range(DISPATCHERS)]
    limits = DispatchLimits(max_in_flight=3, redispatch_after=AN_HOUR)
    threads = [threading.Thread(target=dispatch_due, args=(sessions, each, limits)) for each in publishers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(len(each.sent) for each in publishers) == 3


def test_a_suspect_takes_a_place_in_the_window_like_any_other(sessions, submit):
    for _ in range(5):
        submit()
    with sessions.begin() as session:
        suspect = session.scalars(select(Ticket.id).limit(1)).one()
        session.execute(update(Ticket).where(Ticket.id == suspect).values(deaths=2))
    publisher = FakePublisher()

    dispatch_due(sessions, publisher, DispatchLimits(max_in_flight=3, redispatch_after=AN_HOUR))

    sent = [each.ticket_id for each in publisher.sent]
    assert len(sent) == 3
    assert suspect in sent


def test_a_dispatcher_that_freezes_with_the_window_locked_loses_it(sessions, submit, database_url, monkeypatch):
    monkeypatch.setattr("ticketflow.storage.due._LONGEST_PAUSE", "200ms")
    submit()
    engine = build_engine(database_url)
    with build_session_factory(engine)() as frozen:
        module.lock_window(frozen)

        report = dispatch_due(sessions, FakePublisher(), DispatchLimits(max_in_flight=3, redispatch_after=AN_HOUR))

        assert report.published == 1
        frozen.invalidate()
    engine.dispose()
