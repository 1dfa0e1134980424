"""The fences of a step's hold on its ticket: whoever is not, or no longer, meant changes nothing."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from tests.integration.storage.rows import HOUR, NOW, SECOND, TICK, add_step, add_ticket, change, reread
from ticketflow.storage.commits import Event, LedgerEntry, Move, ask_person, commit_step, fail, give_back
from ticketflow.storage.events import page_events
from ticketflow.storage.ids import new_id
from ticketflow.storage.leases import Claim, Lease, Refusal, begin_step, claim_step, extend_leases
from ticketflow.storage.ledger import list_steps
from ticketflow.storage.models import Ticket
from ticketflow.storage.pauses import record_pause

LEASE = timedelta(seconds=15)
PROBLEM = {"class": "X", "message": "x"}
ENTRY = LedgerEntry("hash", {"category": "billing"}, [{"engine": "e"}], 0.5)
MOVE = Move("check", HOUR)
MOST = 3
REQUEST = {"reasons": ["always"], "default_action": "route", "timeout_s": 60.0}
# The whole row, as far as a statement could change it.
COLUMNS = [column.key for column in Ticket.__table__.columns if column.key != "metadata"]


@pytest.fixture
def ticket(session):
    """Make a ticket that was sent out, and is at its second attempt."""
    state = {"requested_priority": None, "timezone": "UTC", "masked": [], "kept": 1}
    sent = {"generation": 2, "attempt": 1, "version": 5, "dispatches": 3, "is_in_flight": True, "state": state}
    return add_ticket(session, dispatched_at=NOW - 4 * SECOND, updated_at=NOW - HOUR, **sent)


@pytest.fixture
def lease(session, ticket) -> Lease:
    return claim(session, ticket)


def claim(session, ticket, step="read", generation=2, graph_version=1) -> Lease | Refusal | None:
    return claim_step(session, Claim(ticket.id, step, generation), LEASE, MOST, graph_version)


def row(session, ticket) -> dict:
    return {key: getattr(reread(session, ticket), key) for key in COLUMNS}


def list_events(session, ticket) -> list[tuple]:
    return [
        (each.type, each.step, each.round, each.attempt, each.generation)
        for each in page_events(session, ticket.id, 0, 99)
    ]


# Claiming.


def test_a_claim_takes_a_lease_and_counts_the_attempt(session, ticket):
    add_step(session, ticket, "read", superseded_at=NOW)
    add_step(session, ticket, "check")
    add_step(session, add_ticket(session), "read")
    due_at = ticket.wake_at

    lease = claim(session, ticket)

    now = session.scalar(select(NOW))
    held = reread(session, ticket)
    assert (lease.attempt, lease.round, lease.waited_s, lease.started_at) == (2, 2, 4.0, now)
    assert (held.lease_token, held.lease_until, held.is_in_flight) == (lease.token, now + LEASE, True)
    assert (held.status, held.attempt, held.version, held.dispatches) == ("processing", 2, 6, 0)
    assert (held.generation, held.deaths, held.wake_at) == (2, 0, due_at)
    assert lease.state["kept"] == 1
    assert lease.state["ticket_id"] == str(ticket.id)
    assert list_events(session, ticket) == [("step.started", "read", 2, 2, 2)]


@pytest.mark.parametrize(("deaths", "is_alone", "is_granted"), [(1, False, True), (2, False, False), (2, True, True)])
def test_a_suspect_is_granted_to_whoever_is_alone(session, ticket, deaths, is_alone, is_granted):
    change(session, ticket, deaths=deaths)

    answer = claim_step(session, Claim(ticket.id, "read", 2, is_alone=is_alone), LEASE, MOST)

    assert isinstance(answer, Lease) is is_granted


def test_nobody_is_granted_what_died_three_times(session, ticket):
    change(session, ticket, deaths=3)

    assert isinstance(claim_step(session, Claim(ticket.id, "read", 2, is_alone=True), LEASE, MOST), Refusal)


@pytest.mark.parametrize(
    "why",
    [
        {"generation": 3},
        {"generation": 1},
        {"next_step": "check"},
        {"status": "awaiting_approval"},
        {"status": "failed", "wake_at": None},
        {"graph_version": 2},
        {"attempt": MOST},
        {"deaths": 3},
        {"deaths": 2},
        {"status": "processing", "lease_token": UUID(int=1), "lease_until": NOW + TICK},
    ],
    ids=lambda why: f"{next(iter(why))}",
)
def test_a_claim_that_is_not_meant_takes_nothing(session, ticket, why):
    change(session, ticket, **why)
    before = row(session, ticket)

    refused = claim(session, ticket)

    assert isinstance(refused, Refusal)
    assert (row(session, ticket), list_events(session, ticket)) == (before, [])


def test_what_is_claimed_is_in_flight(session, ticket):
    change(session, ticket, is_in_flight=False)

    claim(session, ticket)

    assert reread(session, ticket).is_in_flight


@pytest.mark.parametrize(("is_own", "is_granted"), [(True, True), (False, False)])
def test_a_ticket_is_taken_over_once_whoever_was_never_seen(session, ticket, is_own, is_granted):
    lost = {str(ticket.id if is_own else UUID(int=2)): {"at": 1}}
    ended = {"status": "processing", "lease_token": UUID(int=1), "lease_until": NOW}
    change(session, ticket, lost_holders=lost, **ended)

    assert isinstance(claim(session, ticket), Lease) is is_granted


def test_a_paused_step_is_not_claimed(session, ticket):
    record_pause(session, "default", "read", None)

    assert claim(session, ticket).is_paused
    assert reread(session, ticket).lease_token is None


def test_a_claim_takes_that_ticket_alone(session, ticket):
    other = add_ticket(session, generation=2)

    claim(session, ticket)

    assert reread(session, other).lease_token is None
    assert claim(session, Ticket(id=new_id())) is None


@pytest.mark.parametrize("values", [{"attempt": MOST - 1}, {"status": "processing"}])
def test_a_claim_that_is_just_within_bounds_is_granted(session, ticket, values):
    change(session, ticket, **values)

    assert isinstance(claim(session, ticket), Lease)


def test_a_refusal_says_how_things_stand(session, ticket):
    change(session, ticket, next_step="check", deaths=1, created_at=NOW - HOUR)

    refused = claim(session, ticket)

    assert (refused.status, refused.generation, refused.next_step, refused.graph_version) == ("queued", 2, "check", 1)
    assert (refused.attempt, refused.deaths, refused.token, refused.round) == (1, 1, None, 1)
    assert not refused.is_paused


def test_what_was_never_dispatched_has_not_waited(session, ticket):
    change(session, ticket, dispatched_at=None)

    assert claim(session, ticket).waited_s == 0.0


# Extending.


def keep(session, *leases):
    return extend_leases(session, [(lease, HOUR) for lease in leases], timedelta(seconds=5))


def test_a_lease_is_extended_by_who_holds_it(sessions):
    with sessions.begin() as session:
        mine, *others = (claim(session, add_ticket(session, generation=2, dispatched_at=NOW)) for _ in range(3))
        clock = session.get_one(Ticket, mine.claim.ticket_id).wake_at
    stolen = replace(others[0], token=new_id())
    mixed_up = replace(others[1], claim=replace(others[1].claim, ticket_id=new_id()))

    with sessions.begin() as session:
        good = keep(session, mine, stolen, mixed_up)
        now, limit = session.scalar(select(NOW)), session.scalar(text("SHOW statement_timeout"))

    with sessions() as session:
        rows = [session.get_one(Ticket, each.claim.ticket_id) for each in (mine, *others)]
        after = session.scalar(text("SHOW statement_timeout"))
    assert good == {mine.token: True}
    assert (rows[0].lease_until, rows[0].wake_at, rows[0].attempt, rows[0].version) == (now + HOUR, clock, 1, 2)
    assert all(row.lease_until < now + HOUR for row in rows[1:])
    assert (limit, after) == ("5s", "30s")


def test_a_first_try_whose_ticket_is_locked_is_good_but_not_claimed_yet(sessions):
    with sessions.begin() as session:
        ticket_id = add_ticket(session, generation=2, dispatched_at=NOW).id
        lease = begin_step(session, Claim(ticket_id, "read", 2))

    with sessions.begin() as other:
        other.get(Ticket, ticket_id, with_for_update=True)
        with sessions.begin() as session:
            good = keep(session, lease)

    assert good == {lease.token: False}


# Committing.


def commit(session, lease, move=MOVE, events=()):
    passed = commit_step(session, lease, ENTRY, move, events)
    return passed and passed.version


def test_a_commit_keeps_what_was_found_and_goes_on(session, ticket, lease):
    change(session, ticket, error=PROBLEM, is_in_flight=True)
    due_at = reread(session, ticket).wake_at

    version = commit(session, lease, events=[Event("step.completed", {"a": 1})])

    now = session.scalar(select(NOW))
    done = reread(session, ticket)
    assert (done.status, done.next_step, done.version, done.generation) == ("processing", "check", version, 2)
    assert version == 7
    assert (done.lease_token, done.lease_until, done.attempt, done.deaths, done.error) == (None, now + HOUR, 0, 0, None)
    assert (done.wake_at, done.dispatched_at, done.updated_at, done.finished_at) == (due_at, now, now, None)
    assert done.is_in_flight
    assert (done.state["kept"], done.category) == (1, "billing")
    (entry,) = list_steps(session, ticket.id)
    assert (entry.step, entry.round, entry.generation, entry.attempts) == ("read", 1, 2, 2)
    assert (entry.input_hash, entry.output, entry.engines) == ("hash", ENTRY.output, ENTRY.engines)
    assert (entry.ticket_version, entry.duration_s, entry.started_at, entry.tenant) == (7, 0.5, now, "default")
    assert list_events(session, ticket)[1:] == [("step.completed", "read", 1, 2, 2)]


def test_the_last_commit_completes_the_ticket(session, ticket, lease):
    commit(session, lease, Move(None, timedelta()))

    done = reread(session, ticket)
    assert (done.status, done.next_step, done.wake_at, done.is_in_flight) == ("completed", None, None, False)
    assert done.lease_until is None
    assert (done.finished_at, done.generation) == (session.scalar(select(NOW)), 2)


def test_a_commit_tells_the_round_of_the_next_step_unless_that_is_paused(session, ticket, lease):
    add_step(session, ticket, "check", superseded_at=NOW)
    add_step(session, ticket, "send", superseded_at=NOW)
    add_step(session, add_ticket(session), "check")
    record_pause(session, "default", "send", None)
    again = commit_step(session, lease, ENTRY, MOVE, [])
    held = commit_step(session, claim(session, ticket, "check"), ENTRY, Move("send", HOUR), [])

    assert (again.next_round, again.at, held.next_round) == (2, session.scalar(select(NOW)), None)


def test_a_loop_leaves_the_chain(session, ticket, lease):
    commit(session, lease, replace(MOVE, is_loop=True))

    looped = reread(session, ticket)
    assert (looped.status, looped.generation, looped.is_in_flight) == ("processing", 3, False)
    assert (looped.wake_at, looped.lease_until) == (session.scalar(select(NOW)) + HOUR, None)


def test_a_commit_that_asks_a_person_waits_for_them(session, ticket, lease):
    event = Event("approval.requested", {"reasons": ["always"]})

    commit(session, lease, replace(MOVE, request=REQUEST), [event, Event("step.completed", {})])

    waiting = reread(session, ticket)
    assert (waiting.status, waiting.generation, waiting.is_in_flight) == ("awaiting_approval", 3, False)
    assert waiting.state["approval_request"] == REQUEST
    asked, completed = page_events(session, ticket.id, 0, 99)[1:]
    assert asked.detail["expires_at"] == waiting.wake_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert completed.detail == {}


@pytest.mark.parametrize("why", [{"lease_token": UUID(int=1)}, {"lease_token": None, "lease_until": None}])
def test_a_lost_lease_commits_nothing(session, ticket, lease, why):
    change(session, ticket, **why)
    before, trail = row(session, ticket), list_events(session, ticket)

    assert commit(session, lease, events=[Event("step.completed", {})]) is None

    assert (row(session, ticket), list_events(session, ticket)) == (before, trail)
    assert list_steps(session, ticket.id) == []


def test_a_commit_is_for_its_own_ticket(session, ticket, lease):
    other = add_ticket(session, status="processing", lease_token=lease.token, lease_until=NOW + HOUR)
    before = row(session, other)

    commit(session, lease)

    assert row(session, other) == before


# Letting go: giving back, failing, asking.

LET_GO = {
    "give_back": lambda session, lease: give_back(session, lease, HOUR, [Event("step.retrying", {})], error=PROBLEM),
    "fail": lambda session, lease: fail(
        session, lease, PROBLEM, [Event("step.failed", {}), Event("ticket.failed", {})]
    ),
    "ask_person": lambda session, lease: ask_person(session, lease, REQUEST, [Event("approval.requested", {})]),
}
MEANWHILE = [
    {"generation": 3},
    {"next_step": "check"},
    {"lease_token": UUID(int=1)},
    {"lease_token": None, "lease_until": None},
    {"status": "awaiting_approval"},
    {"status": "cancelled", "wake_at": None},
]


@pytest.mark.parametrize("let_go", LET_GO.values(), ids=LET_GO)
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_who_lets_go_of_what_has_moved_on_changes_nothing(session, ticket, lease, let_go, meanwhile):
    change(session, ticket, **meanwhile)
    before, trail = row(session, ticket), list_events(session, ticket)

    assert let_go(session, lease) is None

    assert (row(session, ticket), list_events(session, ticket)) == (before, trail)


@pytest.mark.parametrize("let_go", LET_GO.values(), ids=LET_GO)
def test_who_lets_go_of_a_ticket_leaves_others_alone(session, ticket, lease, let_go):
    same = {"status": "processing", "generation": 2, "attempt": 2, "lease_token": lease.token}
    other = add_ticket(session, lease_until=NOW + HOUR, **same)
    before = row(session, other)

    assert let_go(session, lease) == 7

    assert row(session, other) == before


def test_a_ticket_that_is_given_back_waits_and_its_messages_are_worth_nothing(session, ticket, lease):
    LET_GO["give_back"](session, lease)

    now = session.scalar(select(NOW))
    back = reread(session, ticket)
    assert (back.status, back.generation, back.wake_at, back.updated_at) == ("processing", 3, now + HOUR, now)
    assert (back.lease_token, back.lease_until, back.is_in_flight, back.dispatches) == (None, None, False, 0)
    assert (back.attempt, back.deaths, back.error) == (2, 0, PROBLEM)
    assert list_events(session, ticket)[1:] == [("step.retrying", "read", 1, 2, 2)]


def test_an_earlier_error_stays_where_none_is_named(session, ticket, lease):
    change(session, ticket, error=PROBLEM)

    give_back(session, lease, HOUR)

    assert reread(session, ticket).error == PROBLEM


def test_who_was_refused_can_give_back_what_nobody_holds(session, ticket):
    record_pause(session, "default", "read", None)

    assert give_back(session, claim(session, ticket), timedelta()) == 6

    assert reread(session, ticket).generation == 3


def test_a_failed_ticket_has_ended_and_keeps_its_place(session, ticket, lease):
    LET_GO["fail"](session, lease)

    now = session.scalar(select(NOW))
    failed = reread(session, ticket)
    assert (failed.status, failed.next_step, failed.generation, failed.attempt) == ("failed", "read", 2, 2)
    assert (failed.wake_at, failed.finished_at, failed.updated_at, failed.error) == (None, now, now, PROBLEM)
    assert (failed.lease_token, failed.lease_until, failed.is_in_flight) == (None, None, False)


def test_a_ticket_that_waits_for_a_person_is_let_go_until_their_time_is_up(session, ticket, lease):
    LET_GO["ask_person"](session, lease)

    now = session.scalar(select(NOW))
    asking = reread(session, ticket)
    assert (asking.status, asking.generation, asking.attempt, asking.deaths) == ("awaiting_approval", 3, 0, 0)
    assert (asking.lease_token, asking.lease_until, asking.is_in_flight) == (None, None, False)
    assert (asking.wake_at, asking.updated_at) == (now + timedelta(minutes=1), now)
    assert (asking.state["approval_request"], asking.state["kept"]) == (REQUEST, 1)
