"""Processes that may have died with a step: the question, and each way of settling it."""

from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.integration.storage.rows import DAY, HOUR, NOW, SECOND, TICK, add, add_ticket, reread
from tests.toy import TOY_LINEAGE
from ticketflow.storage.due import claim_due, expire_leases, wake_in_flight
from ticketflow.storage.holders import Process, beat, convict, drop_question, find_holder, list_lost_holders
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Holder, Ticket

LOST, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def now(session):
    return session.scalar(select(func.now()))


def add_holder(session, holder_id=LOST, **values) -> Holder:
    return add(session, Holder, **{"id": holder_id, "host": "h", "pid": 1, "born": 2, "seen_at": NOW - HOUR, **values})


def doubt(holder=LOST, at=0.0, **known) -> dict:
    return {str(holder): {"at": at, **known}}


def held(**values) -> dict:
    return {"status": "processing", "lease_token": new_id(), "lease_until": NOW, "holder": LOST, **values}


@pytest.mark.parametrize("take", [lambda session: expire_leases(session, 10), wake_in_flight], ids=["expire", "wake"])
@pytest.mark.parametrize(
    ("holder", "before", "is_in_doubt"),
    [(LOST, {}, True), (None, {}, False), (LOST, doubt(OTHER), True), (LOST, doubt(is_dead=True), True)],
    ids=["first", "nameless", "another", "again"],
)
def test_a_holder_that_let_go_without_a_word_is_in_doubt(session, now, take, holder, before, is_in_doubt):
    ticket = add_ticket(session, is_in_flight=True, deaths=1, **held(holder=holder, lost_holders=before))

    take(session)

    lost = reread(session, ticket).lost_holders
    assert (ticket.deaths, ticket.holder) == (1, None)
    assert lost.keys() == {*before, *([str(LOST)] if is_in_doubt else [])}
    if is_in_doubt:
        assert lost[str(LOST)] == {**before.get(str(LOST), {}), "at": pytest.approx(now.timestamp(), abs=1e-3)}


def test_what_nobody_held_leaves_no_question(session):
    ticket = add_ticket(session, is_in_flight=True, holder=LOST, wake_at=NOW + HOUR)

    wake_in_flight(session)

    assert reread(session, ticket).lost_holders == {}


def test_the_holder_of_a_leased_ticket_is_found(session):
    for holder in (LOST, OTHER):
        add_holder(session, holder)
    leased, free = add_ticket(session, **held()), add_ticket(session, holder=LOST)
    unknown = add_ticket(session, **held(holder=UUID(int=3)))

    assert find_holder(session, leased.id) == Process(LOST, "h", 1, 2)
    assert [find_holder(session, each.id) for each in (free, unknown)] == [None, None]


def test_a_beat_is_of_its_own_process_and_forgets_the_long_dead(session, now):
    me = Process(UUID(int=9), "h", 1, 2)
    kept = add_holder(session, seen_at=NOW - DAY)
    add_holder(session, OTHER, seen_at=NOW - DAY - TICK)
    mine = add_holder(session, me.id, seen_at=NOW - 2 * DAY)

    beat(session, me)

    assert set(session.scalars(select(Holder.id))) == {LOST, me.id}
    assert (reread(session, mine).seen_at, reread(session, kept).seen_at) == (now, now - DAY)


def test_lost_holders_are_listed_with_how_long_they_have_been_silent(session, now):
    at = now.timestamp() - 60
    add_holder(session, LOST, seen_at=NOW - 90 * SECOND)
    add_holder(session, OTHER, seen_at=NOW - 30 * SECOND)
    add_ticket(session, lost_holders={**doubt(LOST, at), **doubt(OTHER, at), **doubt(UUID(int=3), at)})
    add_ticket(session, lost_holders=doubt(LOST, at - 60))
    add_ticket(session)

    lost = {each.id: each for each in list_lost_holders(session)}

    assert lost.keys() == {LOST, OTHER, UUID(int=3)}
    assert {holder: (each.is_back, round(each.silent_s)) for holder, each in lost.items()} == {
        LOST: (False, 60),
        OTHER: (True, 30),
        UUID(int=3): (False, 60),
    }
    assert (lost[LOST].process, lost[UUID(int=3)].process) == (Process(LOST, "h", 1, 2), None)


@pytest.mark.parametrize(
    ("known", "deaths", "left"), [({}, 2, 2), ({"is_dead": True}, 2, 1), ({"is_dead": True}, 0, 0)]
)
def test_who_is_alive_is_in_doubt_no_more_and_its_deaths_are_taken_back(session, known, deaths, left):
    ticket = add_ticket(session, deaths=deaths, lost_holders={**doubt(LOST, **known), **doubt(OTHER)})
    other = add_ticket(session, deaths=2, lost_holders=doubt(OTHER, is_dead=True))

    drop_question(session, LOST)

    assert (reread(session, ticket).deaths, ticket.lost_holders) == (left, doubt(OTHER))
    assert (reread(session, other).deaths, other.lost_holders) == (2, doubt(OTHER, is_dead=True))


def test_a_proven_end_is_a_death_once_for_every_live_step_it_was_lost_with(session):
    live, busy = add_ticket(session, lost_holders=doubt()), add_ticket(session, **held(lost_holders=doubt()))
    others = [
        add_ticket(session, lost_holders=doubt(OTHER)),
        add_ticket(session, status="failed", lost_holders=doubt()),
        add_ticket(session, deaths=0, lost_holders=doubt(is_dead=True)),
        add_ticket(session),
    ]

    assert [convict(session, LOST), convict(session, LOST)] == [2, 0]

    assert [reread(session, each).deaths for each in (live, busy, *others)] == [1, 1, 0, 0, 0, 0]
    assert live.lost_holders == doubt(is_dead=True)


@pytest.mark.parametrize(
    ("values", "most_s"),
    [
        ({"deaths": 0}, 0.0),
        ({"deaths": 1}, 4.0),
        ({"deaths": 2}, 8.0),
        ({"deaths": 1, "is_in_flight": True}, 0.0),
    ],
)
def test_a_second_death_makes_the_ticket_wait_for_a_moment_of_its_own(session, values, most_s):
    tickets = [add_ticket(session, lost_holders=doubt(), **values) for _ in range(20)]

    convict(session, LOST)

    waits = [
        session.scalar(select(Ticket.wake_at - NOW).where(Ticket.id == ticket.id)).total_seconds() for ticket in tickets
    ]
    assert max(waits) <= most_s
    assert len(set(waits)) == (20 if most_s else 1)


def test_a_longer_wait_stays_after_a_second_death(session, now):
    ticket = add_ticket(session, deaths=1, wake_at=NOW + HOUR, lost_holders=doubt())

    convict(session, LOST)

    assert reread(session, ticket).wake_at == now + HOUR


@pytest.mark.parametrize(
    ("deaths", "lost", "is_sent"),
    [
        (0, doubt(), True),
        (1, doubt(), False),
        (0, {**doubt(), **doubt(OTHER)}, False),
        (1, doubt(is_dead=True), True),
        (2, doubt(), False),
        (2, doubt(is_dead=True), True),
    ],
)
def test_whoever_may_yet_become_a_suspect_waits_until_that_is_settled(session, deaths, lost, is_sent):
    add_ticket(session, deaths=deaths, lost_holders=lost)

    assert len(claim_due(session, 10, HOUR, TOY_LINEAGE)) == is_sent
