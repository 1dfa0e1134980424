"""Clocks that lie too far ahead: each kind of wait just as long as it may be, and a tick longer."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from tests.harness.wait import wait_until
from tests.integration.storage.rows import (
    HOUR,
    NOW,
    SECOND,
    TICK,
    add,
    add_delivery,
    add_endpoint,
    add_ticket,
    reread,
)
from ticketflow.storage.clocks import (
    KEPT_FOR,
    ONE_JUMP,
    LongestWaits,
    bring_others_back,
    bring_tickets_back,
    count_jumps,
    list_jumps,
    record_jump,
)
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import ClockJump, LlmCall, LlmProvider, Ticket, Worker
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.storage.webhook_deliveries import LAST_REST

LONGEST = LongestWaits(
    lease=timedelta(seconds=61),
    redispatch=timedelta(seconds=301),
    backoff=timedelta(seconds=127),
    busy=timedelta(seconds=7001),
    busy_error="BusyError",
    delivery_lease=timedelta(seconds=31),
    delivery_retry=timedelta(seconds=8003),
    block=timedelta(seconds=7103),
    call=timedelta(seconds=97),
)
TOLERANCE = 2 * SECOND
FAR = timedelta(days=30)
BUSY = {"error": {"class": "BusyError"}}
ASKED = {"status": "awaiting_approval", "state": {"approval_request": {"timeout_s": 7200}}}


def held(**values):
    values = {"lease_token": new_id(), "lease_until": NOW + SECOND, **values}
    return {"status": "processing", "is_in_flight": True, **values}


def on_its_way(**values):
    return held(lease_token=None, **values)


@pytest.fixture
def now(session):
    return session.scalar(select(NOW))


def bring_back(session, after=None, limit=10):
    return bring_tickets_back(session, LONGEST, after, limit)


# Tickets.


@pytest.mark.parametrize(
    ("values", "longest"),
    [
        ({}, SECOND),
        (held(), 64 * LONGEST.redispatch),
        (on_its_way(not_before=NOW + HOUR), 64 * LONGEST.redispatch),
        (ASKED, 2 * HOUR),
        (ASKED | {"not_before": NOW + 3 * HOUR, "is_in_flight": True}, 2 * HOUR),
        ({"not_before": NOW + HOUR}, HOUR),
        ({"not_before": NOW + HOUR, "attempt": 1, **BUSY}, LONGEST.busy),
        ({"not_before": NOW - HOUR}, SECOND),
        ({"is_in_flight": True}, LONGEST.redispatch),
        ({"is_in_flight": True, "dispatches": 1}, LONGEST.redispatch),
        ({"is_in_flight": True, "dispatches": 2}, 2 * LONGEST.redispatch),
        ({"is_in_flight": True, "dispatches": 7}, 64 * LONGEST.redispatch),
        ({"is_in_flight": True, "dispatches": 8}, 64 * LONGEST.redispatch),
        ({"is_in_flight": True, "deaths": 1, "attempt": 1, **BUSY}, LONGEST.redispatch),
        ({"deaths": 1}, timedelta(seconds=16)),
        ({"deaths": 1, "attempt": 1, **BUSY}, timedelta(seconds=16)),
        (BUSY, LONGEST.busy),
        (BUSY | {"attempt": 1}, LONGEST.busy),
        ({"attempt": 1}, LONGEST.backoff),
        ({"attempt": 1, "error": {"class": "OtherError"}}, LONGEST.backoff),
        ({"error": {"class": "OtherError"}}, SECOND),
    ],
)
def test_a_ticket_waits_as_long_as_its_kind_may_and_no_tick_longer(session, now, values, longest):
    values = {"updated_at": NOW - HOUR} | values
    longest_away = add_ticket(session, wake_at=NOW + longest + TOLERANCE, **values)
    strayed = add_ticket(session, wake_at=NOW + longest + TOLERANCE + TICK, **values)

    by_s, _ = bring_back(session)

    assert reread(session, longest_away).wake_at == now + longest + TOLERANCE
    assert reread(session, strayed).wake_at == now + longest + TICK
    assert by_s == pytest.approx((TOLERANCE + TICK).total_seconds(), abs=1e-7)


@pytest.mark.parametrize(
    ("waits", "left"), [(40 * SECOND, 40 * SECOND), (HOUR, LONGEST.backoff)], ids=["as it was to", "as its kind may"]
)
def test_a_stamp_ahead_of_the_clock_says_how_long_its_ticket_was_to_wait(session, now, waits, left):
    ticket = add_ticket(session, attempt=1, updated_at=NOW + HOUR, wake_at=NOW + HOUR + waits)

    bring_back(session)

    reread(session, ticket)
    assert (ticket.wake_at, ticket.updated_at) == (now + left + TICK, now)


def test_a_stamp_of_the_past_stays_with_a_ticket_that_is_brought_back(session, now):
    ticket = add_ticket(session, updated_at=NOW - HOUR, wake_at=NOW + HOUR)

    bring_back(session)

    assert reread(session, ticket).updated_at == now - HOUR


def test_tickets_keep_their_order_when_they_are_brought_back(session, now):
    last, first = (add_ticket(session, wake_at=NOW + HOUR + wait) for wait in (SECOND, TICK))

    by_s, _ = bring_back(session)

    assert [reread(session, each).wake_at for each in (first, last)] == [now + SECOND + n * TICK for n in (1, 2)]
    assert by_s == HOUR.total_seconds()


def test_a_ticket_that_wakes_with_one_that_strayed_is_left_alone(session, now):
    add_ticket(session, wake_at=NOW + HOUR)
    scheduled = add_ticket(session, wake_at=NOW + HOUR, not_before=NOW + HOUR)

    bring_back(session)

    assert reread(session, scheduled).wake_at == now + HOUR


@pytest.mark.parametrize("priority", [0, 1, 2, 3])
def test_of_each_priority_so_many_are_looked_at_the_nearest_first(session, now, priority):
    far = add_ticket(session, priority=priority, wake_at=NOW + 2 * HOUR)
    near = add_ticket(session, priority=priority, wake_at=NOW + HOUR)
    other = add_ticket(session, priority=(priority + 1) % 4, wake_at=NOW + 3 * HOUR)

    bring_back(session, limit=1)

    waits = [reread(session, each).wake_at - now for each in (near, far, other)]
    assert waits == [SECOND + TICK, 2 * HOUR, SECOND + 2 * TICK]


def test_a_walk_goes_on_after_the_least_of_the_levels_that_were_not_looked_at_whole(session, now):
    def schedule(priority, *minutes):
        for wait in minutes:
            at = NOW + timedelta(minutes=wait)
            add_ticket(session, priority=priority, wake_at=at, not_before=at)

    schedule(0, 10, 20)
    schedule(1, 5, 15, 30)
    schedule(2, 6)

    walk = [None]
    for _ in range(3):
        by_s, after = bring_back(session, walk[-1], limit=2)
        assert by_s == 0
        walk.append(after)

    assert walk == [None, now + timedelta(minutes=15), None, now + timedelta(minutes=15)]


def test_a_walk_stays_where_it_is_while_it_finds_something(session, now):
    add_ticket(session, wake_at=NOW + 2 * HOUR)
    near = add_ticket(session, wake_at=NOW + HOUR)

    by_s, after = bring_back(session, now + HOUR)

    assert (by_s, after) == (2 * HOUR.total_seconds() - 1, now + HOUR)
    assert reread(session, near).wake_at == now + HOUR


# Leases.


def bring_others(session, limit=10):
    return bring_others_back(session, LONGEST, limit)


@pytest.mark.parametrize(("kind", "longest"), [(held, LONGEST.lease), (on_its_way, LONGEST.redispatch)])
def test_a_lease_or_a_link_lasts_as_long_as_one_may_and_no_tick_longer(session, now, kind, longest):
    good, strayed, far = (
        add_ticket(session, **kind(lease_until=NOW + longest + TOLERANCE + more, wake_at=NOW + SECOND))
        for more in (timedelta(0), TICK, HOUR)
    )

    by_s = bring_others(session)

    clocks = [(reread(session, each).lease_until - now, each.wake_at - now) for each in (good, strayed, far)]
    assert clocks == [(longest + TOLERANCE, SECOND), (longest, SECOND), (longest, SECOND)]
    assert by_s == (TOLERANCE + HOUR).total_seconds()


def test_of_leases_the_nearest_are_brought_back_first(session, now):
    far, near = (add_ticket(session, **held(lease_until=NOW + wait)) for wait in (2 * HOUR, HOUR))

    bring_others(session, limit=1)

    assert [reread(session, each).lease_until - now for each in (near, far)] == [LONGEST.lease, 2 * HOUR]


# Webhooks.


@pytest.fixture
def endpoint(session) -> WebhookEndpoint:
    return add_endpoint(session)


SENDING = {"status": "sending", "attempts": 1, "last_attempt_at": NOW}
FAILED = {"attempts": 1, "last_attempt_at": NOW, "requested_at": NOW - HOUR}


@pytest.mark.parametrize(
    ("values", "longest"),
    [
        (SENDING, LONGEST.delivery_lease),
        (SENDING | {"requested_at": NOW + FAR}, LONGEST.delivery_lease),
        ({"requested_at": NOW + FAR}, timedelta(0)),
        (FAILED, LONGEST.delivery_retry),
    ],
)
def test_a_delivery_waits_as_long_as_its_kind_may_and_no_tick_longer(session, now, endpoint, values, longest):
    good = add_delivery(session, endpoint, next_attempt_at=NOW + longest + TOLERANCE, **values)
    strayed = add_delivery(session, endpoint, next_attempt_at=NOW + longest + TOLERANCE + TICK, **values)

    by_s = bring_others(session)

    waits = [reread(session, each).next_attempt_at - now for each in (good, strayed)]
    assert waits == [longest + TOLERANCE, longest]
    assert by_s == pytest.approx((TOLERANCE + TICK).total_seconds(), abs=1e-7)


def test_a_delivery_that_nobody_has_tried_goes_out_at_once(session, now, endpoint):
    new = add_delivery(session, endpoint, requested_at=NOW + HOUR, next_attempt_at=NOW + HOUR)
    old = add_delivery(session, endpoint, requested_at=NOW - HOUR, next_attempt_at=NOW + FAR)

    bring_others(session)

    assert (reread(session, new).next_attempt_at, new.requested_at) == (now, now)
    assert reread(session, old).requested_at == now - HOUR


@pytest.mark.parametrize(
    ("waits", "left"), [(40 * SECOND, 40 * SECOND), (FAR, LONGEST.delivery_retry)], ids=["as it was to", "as it may"]
)
def test_a_stamp_ahead_of_the_clock_says_how_long_its_delivery_was_to_wait(session, now, endpoint, waits, left):
    clocks = {"requested_at": NOW, "last_attempt_at": NOW + HOUR, "next_attempt_at": NOW + HOUR + waits}
    delivery = add_delivery(session, endpoint, attempts=1, **clocks)

    bring_others(session)

    assert reread(session, delivery).next_attempt_at == now + left


@pytest.mark.parametrize("values", [{"enabled": False}, {"deleted_at": NOW}])
def test_what_is_not_to_be_sent_is_left_alone(session, now, endpoint, values):
    resting = add_endpoint(session, **values)
    left = add_delivery(session, resting, next_attempt_at=NOW + FAR)
    strayed = add_delivery(session, endpoint, next_attempt_at=NOW + FAR)

    bring_others(session)

    assert reread(session, left).next_attempt_at == now + FAR
    assert reread(session, strayed).next_attempt_at < now + FAR


def test_of_each_endpoint_s_deliveries_the_nearest_are_brought_back_first(session, now, endpoint):
    far, near = (add_delivery(session, endpoint, **SENDING, next_attempt_at=NOW + wait) for wait in (2 * HOUR, HOUR))

    bring_others(session, limit=1)

    waits = [reread(session, each).next_attempt_at - now for each in (near, far)]
    assert waits == [LONGEST.delivery_lease, 2 * HOUR]


# Tables of a few rows.


def add_worker(session, **values) -> Worker:
    return add(session, Worker, name=str(new_id()), slots=1, **values)


def add_provider(session, **values) -> LlmProvider:
    return add(session, LlmProvider, name=str(new_id()), allowance=1, **values)


def add_call(session, **values) -> LlmCall:
    provider = add_provider(session)
    return add(session, LlmCall, id=new_id(), provider=provider.name, **values)


def add_failing(session, **values) -> WebhookEndpoint:
    return add_endpoint(session, failures=1, **{"failing_since": NOW, **values})


@pytest.mark.parametrize(
    ("make", "column", "longest"),
    [
        (add_failing, "rests_until", LAST_REST),
        (add_failing, "failing_since", timedelta(0)),
        (add_worker, "seen_at", timedelta(0)),
        (add_provider, "refilled_at", timedelta(0)),
        (add_provider, "blocked_until", LONGEST.block),
        (add_call, "until", LONGEST.call),
    ],
)
def test_a_clock_lies_as_far_ahead_as_it_may_and_no_tick_further(session, now, make, column, longest):
    good = make(session, **{column: NOW + longest + TOLERANCE})
    strayed = make(session, **{column: NOW + longest + TOLERANCE + TICK})

    by_s = bring_others(session)

    assert [getattr(reread(session, each), column) - now for each in (good, strayed)] == [longest + TOLERANCE, longest]
    assert by_s == pytest.approx((TOLERANCE + TICK).total_seconds(), abs=1e-7)


def test_a_provider_that_asked_for_a_pause_has_the_pause_it_asked_for(session, now):
    provider = add_provider(session, refilled_at=NOW + HOUR, blocked_until=NOW + HOUR + 40 * SECOND)

    assert bring_others(session) == HOUR.total_seconds()

    assert (reread(session, provider).refilled_at, provider.blocked_until) == (now, now + 40 * SECOND)


def test_of_all_that_strayed_the_furthest_is_told(session, endpoint):
    add_worker(session, seen_at=NOW + 2 * HOUR)
    add_delivery(session, endpoint, requested_at=NOW + HOUR, next_attempt_at=NOW + HOUR)

    assert bring_others(session) == 2 * HOUR.total_seconds()
    assert bring_others(session) == 0


# Jumps.


def list_seconds(session, within=HOUR) -> list[float]:
    return [jump.by_s for jump in list_jumps(session, within)]


@pytest.mark.parametrize(
    ("by_s", "ago", "is_news"),
    [(-5, ONE_JUMP - TICK, False), (-5, ONE_JUMP, True), (5, ONE_JUMP - TICK, True), (5, SECOND, True)],
)
def test_a_jump_in_the_same_direction_within_a_minute_is_the_same_one(session, by_s, ago, is_news):
    add(session, ClockJump, by_s=-3600, seen_at=NOW - ago)

    assert record_jump(session, by_s) is is_news
    assert list_seconds(session) == ([by_s, -3600] if is_news else [-3600])


def test_jumps_are_listed_from_the_last_to_the_first_as_far_back_as_asked(session, now):
    for by_s, ago in ((1, HOUR), (2, HOUR - TICK), (3, SECOND)):
        add(session, ClockJump, by_s=by_s, seen_at=NOW - ago)

    assert list_seconds(session) == [3, 2]
    assert list_jumps(session, HOUR)[0].seen_at == now - SECOND
    assert count_jumps(session) == 3


def test_jumps_are_forgotten_after_a_month(session):
    for by_s, ago in ((1, KEPT_FOR + TICK), (2, KEPT_FOR)):
        add(session, ClockJump, by_s=by_s, seen_at=NOW - ago)

    record_jump(session, 3)

    assert list_seconds(session, 2 * KEPT_FOR) == [3, 2]


# Whoever is at work on a row keeps it.


@pytest.fixture
def strayed(sessions) -> dict:
    """Have a row of each kind that lies too far ahead, and the model and clock of each."""
    far = NOW + FAR
    with sessions.begin() as session:
        endpoint = add_failing(session, failing_since=far, rests_until=far)
        add_delivery(session, endpoint, requested_at=far, next_attempt_at=far)
        add_ticket(session, wake_at=far)
        add_ticket(session, **held(lease_until=far, wake_at=NOW + LONGEST.lease))
        add_worker(session, seen_at=far)
        add_provider(session, refilled_at=far, blocked_until=far)
        add_call(session, until=far)
    return {
        Ticket: "wake_at",
        WebhookDelivery: "next_attempt_at",
        WebhookEndpoint: "rests_until",
        Worker: "seen_at",
        LlmProvider: "refilled_at",
        LlmCall: "until",
    }


def test_nobody_waits_for_rows_that_somebody_has_locked(sessions, strayed):
    with sessions.begin() as other, sessions.begin() as session:
        for model in strayed:
            other.scalars(select(model).with_for_update()).all()
        session.execute(text("SET LOCAL lock_timeout = 100"))

        found = bring_back(session)[0], bring_others(session)

    assert found == (0, 0)


@pytest.fixture
def holder(sessions) -> Iterator[Session]:
    """Hold a lock that a look waits for where it first asks for the time, if its schema is searched first."""
    with sessions() as session:
        session.execute(text("SELECT pg_advisory_lock(7)"))
        yield session
        session.execute(text("SELECT pg_advisory_unlock_all()"))


def slow_down(session: Session, model: type) -> None:
    """Have whatever asks for a table wait for the lock, once its snapshot is taken."""
    session.execute(text("CREATE SCHEMA slow"))
    now = f"""
        CREATE FUNCTION slow.now() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$ BEGIN
            IF position('{model.__tablename__}' IN current_query()) > 0 THEN
                PERFORM pg_advisory_xact_lock_shared(7);
            END IF;
            RETURN pg_catalog.now();
        END $$
    """
    session.execute(text(now))


WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


@pytest.mark.parametrize(("model", "bring"), [(Ticket, bring_back), (WebhookDelivery, bring_others)])
def test_a_clock_that_is_set_meanwhile_stays_as_it_is_set(sessions, strayed, holder, model, bring):
    clock = getattr(model, strayed[model])
    set_to = timedelta(days=20)
    with sessions.begin() as session:
        slow_down(session, model)

    def look():
        with sessions.begin() as session:
            session.execute(text("SET LOCAL search_path = slow, pg_catalog, public"))
            bring(session)

    looking = threading.Thread(target=look)
    looking.start()
    wait_until(lambda: holder.scalar(WAITING))
    with sessions.begin() as session:
        session.execute(update(model).values({clock: NOW + set_to}))
    holder.execute(text("SELECT pg_advisory_unlock(7)"))
    looking.join()

    with sessions() as session:
        waits = session.scalars(select(clock - NOW)).all()
    assert min(waits) > set_to - HOUR
