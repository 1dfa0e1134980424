"""Whose clock has rung, and what becomes of them: every condition has a ticket that it alone keeps out."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.storage.rows import HOUR, NOW, SECOND, TICK, add_ticket, reread
from tests.toy import TOY_LINEAGE
from ticketflow.storage.due import (
    MAX_DOUBLINGS,
    MOST_DISPATCHES,
    Dispatch,
    claim_due,
    count_in_flight,
    expire_approvals,
    expire_leases,
    move_clocks,
    release_unsent,
    wake_in_flight,
)
from ticketflow.storage.events import page_events
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Ticket
from ticketflow.storage.pauses import record_pause
from ticketflow.workflow.lineage import GraphVersion, Lineage

RENAMED = Lineage(GraphVersion(("read", "old", "send")), GraphVersion(("read", "new", "send"), {"old": "new"}))
AFTER = timedelta(minutes=5)


@pytest.fixture
def now(session):
    return session.scalar(select(func.now()))


def leased(**values):
    return {
        "status": "processing",
        "lease_token": new_id(),
        "lease_until": NOW + HOUR,
        "is_in_flight": True,
        **values,
    }


def claim(session, limit=10, lineage=TOY_LINEAGE, **how) -> list[Dispatch]:
    return claim_due(session, limit, AFTER, lineage, **how)


def ids(dispatched) -> list:
    return [dispatched.ticket_id for dispatched in dispatched]


# Claiming.


def test_a_claimed_ticket_is_out_under_its_next_generation(session, now):
    ticket = add_ticket(
        session, generation=4, attempt=1, error={"a": 1}, request_id="r", traceparent="t", updated_at=NOW - HOUR
    )

    assert claim(session) == [Dispatch(ticket.id, 5, "read", 1, "r", "t")]

    out = reread(session, ticket)
    assert (out.generation, out.dispatches, out.is_in_flight) == (5, 1, True)
    assert (out.dispatched_at, out.updated_at, out.wake_at) == (now, now, now + AFTER)
    assert (out.attempt, out.error, out.graph_version, out.version) == (1, {"a": 1}, 1, 1)
    assert claim(session) == []


@pytest.mark.parametrize(
    ("values", "is_due"),
    [
        ({}, True),
        ({"status": "processing"}, True),
        ({"deaths": 1}, True),
        ({"wake_at": NOW + TICK}, False),
        ({"status": "awaiting_approval"}, False),
        (leased(), False),
        (leased(lease_until=NOW), False),
        (leased(lease_token=None), False),
        (leased(lease_token=None, lease_until=NOW), True),
        (leased(is_in_flight=False), False),
        (leased(is_in_flight=False, lease_until=NOW), True),
        ({"next_step": "gone"}, False),
        ({"graph_version": 2}, False),
        ({"deaths": 2, "wake_at": NOW + TICK}, False),
        (leased(deaths=2), False),
        (leased(deaths=2, lease_token=None), False),
        (leased(deaths=2, lease_token=None, lease_until=NOW), True),
        ({"deaths": 2, "status": "awaiting_approval"}, False),
        ({"deaths": 2, "next_step": "gone"}, False),
    ],
)
def test_what_is_due_is_claimed(session, values, is_due):
    add_ticket(session, **values)

    assert len(claim(session)) == is_due


@pytest.mark.parametrize("deaths", [0, 2])
@pytest.mark.parametrize(("is_in_flight", "takes_back"), [(True, True), (True, False), (False, False)])
def test_a_chain_that_nobody_speaks_of_is_sent_again_where_it_is_taken_back(session, deaths, is_in_flight, takes_back):
    add_ticket(session, deaths=deaths, is_in_flight=is_in_flight)

    assert len(claim(session, takes_back=takes_back)) == (takes_back or not is_in_flight)


@pytest.mark.parametrize("deaths", [0, 2])
def test_what_is_paused_is_not_due(session, deaths):
    add_ticket(session, deaths=deaths)
    record_pause(session, "default", "read", None)

    assert claim(session) == []


def test_the_most_urgent_come_first_and_among_them_the_longest_due(session):
    tickets = {
        (priority, age): add_ticket(session, priority=priority, wake_at=NOW - age * SECOND).id
        for priority, age in [(0, 9), (1, 1), (1, 2), (3, 0), (3, 1), (2, 5)]
    }

    assert set(ids(claim(session, 2))) == {tickets[3, 1], tickets[3, 0]}
    assert set(ids(claim(session, 2))) == {tickets[2, 5], tickets[1, 2]}
    assert set(ids(claim(session))) == {tickets[1, 1], tickets[0, 9]}


@pytest.mark.parametrize(
    ("dispatches", "wait"), [(0, AFTER), (1, 2 * AFTER), (MAX_DOUBLINGS, 64 * AFTER), (MAX_DOUBLINGS + 1, 64 * AFTER)]
)
def test_the_wait_doubles_with_each_dispatch_that_led_to_nothing(session, now, dispatches, wait):
    ticket = add_ticket(session, dispatches=dispatches)

    claim(session)

    assert (reread(session, ticket).wake_at, ticket.dispatches) == (now + wait, dispatches + 1)


def test_dispatches_are_counted_as_far_as_the_column_goes(session):
    ticket = add_ticket(session, dispatches=MOST_DISPATCHES)

    claim(session)

    assert reread(session, ticket).dispatches == MOST_DISPATCHES


@pytest.mark.parametrize(
    ("other", "are_out"),
    [
        ({"deaths": 2, "is_in_flight": True, "wake_at": NOW + TICK}, 0),
        ({"deaths": 1, "is_in_flight": True, "wake_at": NOW + TICK}, 1),
        ({"deaths": 2, "is_in_flight": False, "wake_at": NOW + TICK}, 1),
        ({"deaths": 2, "is_in_flight": True, "wake_at": NOW, "next_step": "gone"}, 1),
        (leased(deaths=2, wake_at=NOW, lease_until=NOW + TICK), 0),
    ],
)
def test_a_suspect_travels_without_another_one(session, other, are_out):
    add_ticket(session, deaths=2)
    add_ticket(session, **other)

    assert len(claim(session)) == are_out


def test_one_suspect_is_out_at_a_time_the_longest_due_first(session):
    add_ticket(session, deaths=2)
    longest = add_ticket(session, deaths=2, wake_at=NOW - SECOND)
    innocent = add_ticket(session)

    assert set(ids(claim(session))) == {longest.id, innocent.id}


def test_no_more_than_the_limit_are_claimed_with_a_suspect_among_them(session):
    add_ticket(session, deaths=2)
    for _ in range(3):
        add_ticket(session)

    assert len(claim(session, 2)) == 2


def test_a_ticket_of_an_older_graph_changes_over_where_it_sets_out(session):
    values = {"attempt": 2, "deaths": 1, "error": {"a": 1}, "generation": 3}
    moved = add_ticket(session, next_step="old", **values)
    stays = add_ticket(session, next_step="send", **values)
    newest = add_ticket(session, next_step="new", graph_version=2, **values)

    claim(session, lineage=RENAMED)

    now_at = [(reread(session, each).graph_version, each.next_step) for each in (moved, stays, newest)]
    assert now_at == [(2, "new"), (2, "send"), (2, "new")]
    assert (moved.attempt, moved.deaths, moved.error) == (0, 0, None)
    assert [(each.attempt, each.deaths, each.error) for each in (stays, newest)] == [(2, 1, {"a": 1})] * 2
    told = [(event.type, event.step, event.generation, event.detail) for event in page_events(session, moved.id, 0, 9)]
    detail = {"from_version": 1, "to_version": 2, "from_step": "old"}
    assert told == [("ticket.graph_changed", "new", 4, detail)]
    assert len(page_events(session, stays.id, 0, 9)) == 1
    assert page_events(session, newest.id, 0, 9) == []


def test_tickets_of_older_graphs_are_left_alone_where_they_do_not_change_over(session):
    add_ticket(session, next_step="send")
    newest = add_ticket(session, next_step="send", graph_version=2)

    assert ids(claim(session, lineage=RENAMED, changes_over=False)) == [newest.id]


# Counting, releasing, waking.


def test_chains_that_are_out_and_not_overdue_fill_the_window(session):
    for values in (
        {"is_in_flight": True, "wake_at": NOW + TICK},
        {"is_in_flight": True, "wake_at": NOW},
        {"is_in_flight": False, "wake_at": NOW + TICK},
    ):
        add_ticket(session, **values)

    assert count_in_flight(session) == 1


@pytest.mark.parametrize(
    ("meanwhile", "is_released"),
    [({}, True), ({"generation": 3}, False), (leased(), False), ({"dispatches": 0}, False)],
)
def test_what_was_not_sent_is_due_again_shortly_unless_somebody_has_it(session, now, meanwhile, is_released):
    out = {"generation": 2, "dispatches": 2, "is_in_flight": True, "wake_at": NOW + HOUR, "updated_at": NOW - HOUR}
    ticket, other = add_ticket(session, **out | meanwhile), add_ticket(session, **out)

    released = release_unsent(session, [Dispatch(ticket.id, 2, "read")], SECOND)

    assert released == is_released
    reread(session, ticket)
    if is_released:
        assert (ticket.is_in_flight, ticket.dispatches, ticket.generation) == (False, 1, 2)
        assert (ticket.wake_at, ticket.updated_at) == (now + SECOND, now)
    else:
        assert (ticket.is_in_flight, ticket.wake_at) == (True, now + HOUR)
    assert reread(session, other).is_in_flight


@pytest.mark.parametrize(
    ("values", "is_woken"),
    [
        ({}, True),
        (leased(), True),
        ({"is_in_flight": False}, False),
        ({"status": "awaiting_approval"}, False),
    ],
)
def test_a_start_wakes_what_is_out(session, now, values, is_woken):
    out = {"is_in_flight": True, "wake_at": NOW + HOUR, "generation": 2, "updated_at": NOW - HOUR}
    ticket = add_ticket(session, **out | values)

    assert wake_in_flight(session) == is_woken

    reread(session, ticket)
    if is_woken:
        assert (ticket.wake_at, ticket.generation, ticket.is_in_flight, ticket.updated_at) == (now, 3, False, now)
        assert (ticket.lease_token, ticket.lease_until) == (None, None)
    else:
        assert (ticket.wake_at, ticket.generation) == (now + HOUR, 2)


# What runs out.


@pytest.mark.parametrize(("until", "has_ended"), [(NOW, True), (NOW + TICK, False)])
def test_a_lease_that_ran_out_is_taken_from_its_holder(session, now, until, has_ended):
    out = {"generation": 2, "version": 4, "attempt": 1, "is_in_flight": True, "wake_at": NOW + HOUR}
    ticket = add_ticket(session, **leased(lease_until=until, updated_at=NOW - HOUR, **out))
    add_ticket(session)

    assert expire_leases(session, 10) == has_ended

    reread(session, ticket)
    if has_ended:
        assert (ticket.lease_token, ticket.lease_until, ticket.is_in_flight) == (None, None, False)
        assert (ticket.generation, ticket.version, ticket.wake_at, ticket.updated_at) == (3, 5, now, now)
        (event,) = page_events(session, ticket.id, 0, 9)
        assert (event.type, event.step, event.attempt, event.generation) == ("step.lease_expired", "read", 1, 3)
    else:
        assert (ticket.generation, ticket.version) == (2, 4)


def test_a_lease_of_what_is_not_out_is_left_to_the_dispatch(session):
    add_ticket(session, **leased(lease_until=NOW, is_in_flight=False))

    assert expire_leases(session, 10) == 0


@pytest.mark.parametrize(
    ("values", "clock"),
    [
        (leased(wake_at=NOW, lease_until=NOW + TICK), TICK),
        (leased(wake_at=NOW + TICK, lease_until=NOW + HOUR), TICK),
        (leased(wake_at=NOW + HOUR, lease_until=NOW), HOUR),
        (leased(wake_at=NOW, lease_until=NOW - TICK), timedelta(0)),
        (leased(lease_token=None, wake_at=NOW, lease_until=NOW + TICK), TICK),
        (leased(lease_token=None, wake_at=NOW + HOUR, lease_until=NOW - TICK), -TICK),
        (leased(lease_token=None, wake_at=NOW + HOUR, lease_until=NOW + TICK), HOUR),
        ({"is_in_flight": True, "wake_at": NOW - TICK}, -TICK),
        (leased(is_in_flight=False, wake_at=NOW, lease_until=NOW + TICK), timedelta(0)),
    ],
)
def test_a_clock_is_moved_to_when_its_step_or_link_must_be_done(session, now, values, clock):
    ticket = add_ticket(session, **values)

    move_clocks(session)

    assert reread(session, ticket).wake_at - now == clock


def test_the_leases_that_ran_out_first_end_first(session):
    tickets = [add_ticket(session, **leased(lease_until=NOW - age * SECOND)) for age in (1, 3, 2)]

    assert expire_leases(session, 2) == 2

    assert [reread(session, each).lease_token is None for each in tickets] == [False, True, True]


ASKED = {"approval_request": {"default_action": "route", "timeout_s": 60.0}, "kept": 1}


@pytest.mark.parametrize(("wake_at", "has_ended"), [(NOW, True), (NOW + TICK, False)])
def test_a_ticket_that_waited_for_a_person_long_enough_goes_on_with_the_default(session, now, wake_at, has_ended):
    values = {"status": "awaiting_approval", "generation": 2, "version": 4, "updated_at": NOW - HOUR, "state": ASKED}
    ticket = add_ticket(session, wake_at=wake_at, **values)
    due = add_ticket(session)

    assert expire_approvals(session, 10) == ([60.0] if has_ended else [])

    reread(session, ticket)
    assert reread(session, due).state.get("decision") is None
    if has_ended:
        assert (ticket.status, ticket.generation, ticket.version) == ("queued", 3, 5)
        assert (ticket.wake_at, ticket.updated_at) == (now, now)
        assert ticket.state == {**ASKED, "decision": {"action": "route", "by": None}}
        (event,) = page_events(session, ticket.id, 0, 9)
        assert (event.type, event.step, event.generation) == ("approval.expired", "read", 3)
        assert event.detail == {"action": "route"}
    else:
        assert (ticket.status, ticket.generation) == ("awaiting_approval", 2)


def test_those_who_waited_longest_go_on_first_and_the_delay_counts(session):
    values = {"status": "awaiting_approval", "state": ASKED}
    tickets = [add_ticket(session, wake_at=NOW - age * SECOND, **values) for age in (1, 3, 2)]

    assert sorted(expire_approvals(session, 2)) == [62.0, 63.0]

    assert [reread(session, each).status for each in tickets] == ["awaiting_approval", "queued", "queued"]


@pytest.mark.parametrize(
    ("take", "values"),
    [
        (claim, {}),
        (claim, {"deaths": 2}),
        (lambda session: expire_leases(session, 10), leased(lease_until=NOW)),
        (lambda session: expire_approvals(session, 10), {"status": "awaiting_approval", "state": ASKED}),
    ],
    ids=["claim", "claim a suspect", "expire a lease", "expire an approval"],
)
def test_rows_somebody_is_busy_with_are_skipped(sessions, take, values):
    with sessions.begin() as session:
        add_ticket(session, **values)
    with sessions.begin() as theirs, sessions.begin() as mine:
        theirs.scalars(select(Ticket).with_for_update()).all()

        assert not take(mine)
