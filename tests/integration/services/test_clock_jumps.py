"""The database's clock is set: nothing waits longer than its kind of wait can last, and people hear of it.

The clock itself cannot be moved here. Setting it back by an hour is the same as moving every stamp an hour ahead.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update

from tests.toy import MAX_ATTEMPTS
from ticketflow.monitoring.machine import diagnose_jumps
from ticketflow.services import watch_clock
from ticketflow.services.watch_clock import ClockWatch, build_longest_waits
from ticketflow.storage.clocks import count_jumps, list_jumps
from ticketflow.storage.leases import Claim, claim_step
from ticketflow.storage.models import Ticket, Worker
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.storage.workers import record_worker

AN_HOUR = timedelta(hours=1)
A_SECOND = timedelta(seconds=1)
A_MINUTE = timedelta(minutes=1)
# The longest backoff made another than the longest wait for a worker, so that one is not taken for the other.
LONGEST = replace(
    build_longest_waits(timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=10)), backoff=128 * A_SECOND
)

# Every stamp that the database's clock has set, or that was counted from it; what people chose is not among them.
STAMPS = {
    "tickets": "created_at updated_at dispatched_at lease_until wake_at",
    "webhook_deliveries": "occurred_at next_attempt_at requested_at last_attempt_at",
    "webhook_endpoints": "created_at failing_since rests_until",
    "workers": "started_at seen_at",
    "llm_providers": "refilled_at blocked_until",
    "llm_calls": "until",
}


@pytest.fixture
def set_back(sessions):
    """Set the clock back, as it looks to whoever reads the rows."""

    def move_all(by: timedelta = AN_HOUR) -> None:
        with sessions.begin() as session:
            for table, columns in STAMPS.items():
                moved = ", ".join(f"{column} = {column} + :by" for column in columns.split())
                session.execute(text(f"UPDATE {table} SET {moved}"), {"by": by})

    return move_all


@pytest.fixture
def look(sessions):
    """Look as a dispatcher does that has just started."""
    return lambda: ClockWatch(sessions, LONGEST).look()


def read_waits(sessions, column=Ticket.wake_at) -> list[float]:
    """Return how far ahead a column's instants lie, in seconds, the nearest first."""
    with sessions() as session:
        return sorted(float(wait) for wait in session.scalars(select(func.extract("epoch", column - func.now()))))


def change(sessions, **values) -> None:
    with sessions.begin() as session:
        session.execute(update(Ticket).values(**values))


def test_a_backlog_goes_on_at_once_in_its_order(sessions, submit, set_back, look, dispatch):
    submitted = [submit() for _ in range(5)]
    set_back()

    assert dispatch() == []
    look()

    assert [sent.ticket_id for sent in dispatch()] == submitted


def test_rows_that_say_nothing_of_when_they_were_written_wait_as_long_as_their_kind_may(sessions, submit, look):
    submit()
    change(sessions, wake_at=func.now() + AN_HOUR)

    look()

    (wait_s,) = read_waits(sessions)
    assert wait_s <= A_SECOND.total_seconds()


@pytest.mark.parametrize(
    ("values", "longest_s"),
    [
        ({"is_in_flight": True, "dispatches": 1}, 300),
        ({"is_in_flight": True, "dispatches": 3}, 1200),
        ({"attempt": 1}, 128),
        ({"deaths": 2}, 16),
        ({"attempt": 1, "error": {"class": "ModelBusyError"}}, 7200),
    ],
)
def test_each_kind_of_wait_has_its_own_limit(sessions, submit, look, values, longest_s):
    submit()
    change(sessions, wake_at=func.now() + 2 * AN_HOUR, **values)

    look()

    (wait_s,) = read_waits(sessions)
    assert longest_s - 60 < wait_s <= longest_s + 1


def test_a_retry_waits_as_long_as_it_was_to(sessions, submit, set_back, look):
    submit()
    change(sessions, attempt=1, wake_at=func.now() + timedelta(seconds=40), updated_at=func.now())
    change(sessions, error={"class": "ModelBusyError"})
    set_back()

    look()

    (wait_s,) = read_waits(sessions)
    assert 30 < wait_s <= 40


def test_a_ticket_that_somebody_scheduled_keeps_its_time(sessions, submit, look):
    with sessions() as session:
        not_before = session.scalar(select(func.now() + 30 * AN_HOUR))
    submit(not_before=not_before)

    look()

    with sessions() as session:
        assert session.scalar(select(Ticket.wake_at)) == not_before
        assert count_jumps(session) == 0


def test_a_person_has_the_time_they_were_given_and_not_more(sessions, submit, look):
    submit()
    awaits = {"status": "awaiting_approval", "state": {"approval_request": {"timeout_s": 7200}}}
    change(sessions, wake_at=func.now() + timedelta(seconds=7000), **awaits)
    look()
    (given_s,) = read_waits(sessions)
    change(sessions, wake_at=func.now() + 5 * AN_HOUR)

    look()

    (wait_s,) = read_waits(sessions)
    assert 6900 < given_s <= 7000
    assert 7100 < wait_s <= 7201


def test_a_dead_workers_lease_ends_when_it_should(sessions, first_claim, look):
    with sessions.begin() as session:
        claim_step(session, first_claim, timedelta(seconds=15), MAX_ATTEMPTS)
    change(sessions, lease_until=Ticket.lease_until + AN_HOUR, wake_at=Ticket.wake_at + AN_HOUR)

    look()

    (wait_s,) = read_waits(sessions, Ticket.lease_until)
    assert wait_s <= LONGEST.lease.total_seconds()


@pytest.fixture
def deliver(sessions):
    """Have a delivery to an endpoint that rests."""

    def add(**values) -> None:
        with sessions.begin() as session:
            endpoint = WebhookEndpoint(id=func.gen_random_uuid(), url=f"http://{uuid4()}", events=[], secret="s")
            endpoint.rests_until = func.now() + timedelta(seconds=5)
            session.add(endpoint)
            session.flush()
            session.refresh(endpoint)
            delivery = WebhookDelivery(id=func.gen_random_uuid(), endpoint_id=endpoint.id, type="t", payload={})
            for name, value in values.items():
                setattr(delivery, name, value)
            session.add(delivery)

    return add


def test_webhooks_and_their_endpoints_rest_no_longer(sessions, deliver, set_back, look):
    deliver()
    deliver(status="sending", attempts=1, last_attempt_at=func.now(), next_attempt_at=func.now() + 15 * A_SECOND)
    deliver(attempts=1, last_attempt_at=func.now(), next_attempt_at=func.now() + timedelta(seconds=20))
    set_back()

    look()

    first_s, *others_s = read_waits(sessions, WebhookDelivery.next_attempt_at)
    assert first_s <= 0
    assert max(others_s) <= LONGEST.delivery_lease.total_seconds()
    assert max(read_waits(sessions, WebhookEndpoint.rests_until)) <= 300


def test_a_worker_that_died_before_does_not_count_for_another_hour(sessions, set_back, look):
    with sessions.begin() as session:
        record_worker(session, "dead", 4, 0.0)
    set_back()

    look()

    assert read_waits(sessions, Worker.seen_at)[0] <= 0


def test_a_provider_is_called_again_and_lost_calls_make_room(sessions, set_back, look):
    with sessions.begin() as session:
        insert = "INSERT INTO llm_providers (name, allowance, refilled_at, blocked_until) VALUES ('p', 1, now(), now())"
        session.execute(text(insert))
        session.execute(text("INSERT INTO llm_calls (id, provider, until) VALUES (gen_random_uuid(), 'p', now())"))
    set_back()

    look()

    with sessions() as session:
        clocks = "SELECT blocked_until <= now(), refilled_at <= now() FROM llm_providers"
        assert session.execute(text(clocks)).one() == (True, True)
        calls = session.scalar(text("SELECT extract(epoch FROM until - now()) FROM llm_calls"))
    assert calls <= LONGEST.call.total_seconds()


def test_however_many_wait_a_look_costs_the_same_and_in_the_end_all_are_seen(sessions, submit, monkeypatch):
    with sessions() as session:
        later = session.scalar(select(func.now() + timedelta(minutes=30)))
    for _ in range(6):
        submit(not_before=later)
        later += A_SECOND
    strayed = submit()
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == strayed).values(wake_at=func.now() + AN_HOUR))
    watch = ClockWatch(sessions, LONGEST)
    monkeypatch.setattr(watch_clock, "LOOK_EVERY_S", 0)
    monkeypatch.setattr("ticketflow.storage.clocks.bring_tickets_back.__defaults__", (2,))

    waits = []
    for _ in range(4):
        watch.look()
        waits.append(read_waits(sessions)[0])

    assert waits[0] > A_MINUTE.total_seconds()
    assert waits[-1] <= A_SECOND.total_seconds()


def test_people_hear_of_it_once(sessions, submit, set_back, look):
    submit()
    set_back()
    look()
    set_back()
    look()

    with sessions() as session:
        (jump,) = list_jumps(session, AN_HOUR)
        (finding,) = diagnose_jumps(session)
    assert -3605 < jump.by_s < -3590
    assert (finding.alert, "set back by 3" in finding.summary) == ("ClockJumped", True)


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=-5)])
def test_a_jump_that_leaves_nothing_behind_is_seen_too(sessions, monkeypatch, by):
    monkeypatch.setattr(watch_clock, "LOOK_EVERY_S", 0)
    watch = ClockWatch(sessions, LONGEST)
    watch.look()
    monkeypatch.setattr(watch_clock, "read_clock", lambda _: datetime.now(UTC) + by)

    watch.look()
    watch.look()

    with sessions() as session:
        (jump,) = list_jumps(session, AN_HOUR)
    assert abs(jump.by_s - by.total_seconds()) < 1


def test_a_clock_that_goes_right_is_nobodys_news(sessions, submit, dispatch, monkeypatch):
    monkeypatch.setattr(watch_clock, "LOOK_EVERY_S", 0)
    watch = ClockWatch(sessions, LONGEST)
    submit()
    (sent,) = dispatch()
    with sessions.begin() as session:
        claim_step(session, Claim(sent.ticket_id, "read", sent.generation), timedelta(seconds=15), MAX_ATTEMPTS)
    before = read_waits(sessions)

    for _ in range(3):
        watch.look()

    assert abs(read_waits(sessions)[0] - before[0]) < A_MINUTE.total_seconds()
    with sessions() as session:
        assert count_jumps(session) == 0


def test_a_look_is_taken_at_the_start_and_every_five_seconds(sessions, submit, monkeypatch):
    submit()
    now_s = [0.0]
    monkeypatch.setattr(watch_clock.time, "monotonic", lambda: now_s[0])
    watch = ClockWatch(sessions, LONGEST)

    waits = []
    for at_s in (0.0, 4.5, 5.0, 9.5, 10.0):
        change(sessions, wake_at=func.now() + AN_HOUR)
        now_s[0] = at_s
        watch.look()
        waits.append(read_waits(sessions)[0] > A_MINUTE.total_seconds())

    assert waits == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("by", "told"), [(timedelta(seconds=-5), timedelta(seconds=-5)), (AN_HOUR, -AN_HOUR)], ids=["back", "forward"]
)
def test_of_what_was_seen_to_happen_and_what_it_left_the_one_that_was_back_is_told(
    sessions, submit, monkeypatch, by, told
):
    monkeypatch.setattr(watch_clock, "LOOK_EVERY_S", 0)
    watch = ClockWatch(sessions, LONGEST)
    submit()
    watch.look()
    change(sessions, wake_at=func.now() + AN_HOUR)
    monkeypatch.setattr(watch_clock, "read_clock", lambda _: datetime.now(UTC) + by)

    watch.look()

    with sessions() as session:
        (jump,) = list_jumps(session, AN_HOUR)
    assert abs(jump.by_s - told.total_seconds()) < 3
