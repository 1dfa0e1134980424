"""First tries of steps, which begin without a claim: of all that begin, one at most takes effect."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.integration.storage.rows import HOUR, NOW, SECOND, add_ticket, change, reread
from ticketflow.storage import leases
from ticketflow.storage.commits import Event, LedgerEntry, Move, commit_step, fail, give_back
from ticketflow.storage.events import page_events
from ticketflow.storage.ids import new_id
from ticketflow.storage.leases import Claim, begin_step, claim_step, extend_leases
from ticketflow.storage.ledger import list_steps
from ticketflow.storage.models import Ticket
from ticketflow.storage.pauses import record_pause

PROBLEM = {"class": "X", "message": "x"}
ENTRY = LedgerEntry("hash", {"category": "billing"}, [{"engine": "e"}], 0.5)
STATE = {"requested_priority": None, "timezone": "UTC", "masked": [], "kept": 1}


@pytest.fixture
def sent(session) -> Ticket:
    """Make a ticket whose chain was sent out."""
    out = {"generation": 2, "is_in_flight": True, "dispatches": 1, "dispatched_at": NOW - 4 * SECOND}
    return add_ticket(session, state=STATE, **out)


def begin(session, ticket):
    return begin_step(session, Claim(ticket.id, "read", 2))


def claim(session, ticket, **how):
    return claim_step(session, Claim(ticket.id, "read", 2, **how), HOUR, 3)


@pytest.fixture
def keep(session, monkeypatch):
    """Extend a lease in the test's transaction."""
    monkeypatch.setattr(leases, "limit_statements", lambda *_: None)
    monkeypatch.setattr(session, "connection", lambda **_: None)
    return lambda lease, holder=None: extend_leases(session, [(lease, HOUR)], SECOND, holder)


def commit(session, lease, events=()):
    passed = commit_step(session, lease, ENTRY, Move("check", HOUR), events)
    return passed and passed.version


def list_events(session, ticket) -> list[tuple]:
    return [(each.type, each.round, each.attempt) for each in page_events(session, ticket.id, 0, 99)]


def test_a_first_try_begins_without_a_word(session, sent):
    lease = begin(session, sent)

    assert (lease.attempt, lease.round, lease.waited_s, lease.is_claimed) == (1, 1, 4.0, False)
    assert (lease.state["kept"], lease.state["ticket_id"]) == (1, str(sent.id))
    row = reread(session, sent)
    assert (row.lease_token, row.attempt, row.status, row.version) == (None, 0, "queued", 1)
    assert list_events(session, sent) == []


@pytest.mark.parametrize(
    "values",
    [
        {"generation": 3},
        {"next_step": "check"},
        {"status": "cancelled", "wake_at": None},
        {"graph_version": 2},
        {"attempt": 1},
        {"lease_token": new_id(), "lease_until": NOW + HOUR},
        {"deaths": 1},
        {"lost_holders": {"a": {}}},
    ],
    ids=", ".join,
)
def test_nobody_begins_what_is_not_an_untouched_first_try(session, sent, values):
    change(session, sent, **values)

    assert begin(session, sent) is None


def test_nobody_begins_what_is_paused_or_not_there(session, sent):
    assert begin_step(session, Claim(new_id(), "read", 2)) is None
    record_pause(session, "default", "read", None)
    assert begin(session, sent) is None


def test_of_two_that_begin_one_commits(session, sent):
    first, second = begin(session, sent), begin(session, sent)

    assert commit(session, second, events=[Event("step.completed", {})]) == 2
    assert commit(session, first) is None

    done = reread(session, sent)
    assert (done.status, done.next_step, done.attempt, done.is_in_flight) == ("processing", "check", 0, True)
    assert done.dispatches == 0
    (entry,) = list_steps(session, sent.id)
    assert (entry.attempts, entry.started_at) == (1, second.started_at)
    assert list_events(session, sent) == [("step.started", 1, 1), ("step.completed", 1, 1)]
    started, completed = page_events(session, sent.id, 0, 10)
    assert (started.created_at, completed.created_at > started.created_at) == (second.started_at, True)


def test_who_claims_meanwhile_wins(session, sent):
    lease = begin(session, sent)
    claimed = claim(session, sent)

    assert commit(session, lease) is None
    assert commit(session, claimed) is not None


def test_a_first_try_that_takes_long_is_claimed(session, keep, sent):
    lease, holder = begin(session, sent), new_id()

    assert keep(lease, holder=holder) == {lease.token: True}

    now, row = session.scalar(select(NOW)), reread(session, sent)
    assert (row.lease_token, row.lease_until, row.holder) == (lease.token, now + HOUR, holder)
    assert (row.status, row.attempt, row.version, row.dispatches, row.is_in_flight) == ("processing", 1, 2, 0, True)
    (started,) = page_events(session, sent.id, 0, 10)
    assert (started.type, started.created_at, started.attempt, started.round) == (
        "step.started",
        lease.started_at,
        1,
        1,
    )
    assert keep(lease, holder=holder) == {lease.token: True}  # whose answer was lost
    assert len(list_events(session, sent)) == 1
    assert commit(session, replace(lease, is_claimed=True)) == 3


@pytest.mark.parametrize(
    "values",
    [{"generation": 3}, {"next_step": "check"}, {"attempt": 1}, {"deaths": 1}, {"status": "failed", "wake_at": None}],
)
def test_what_moved_on_cannot_be_claimed_late(session, keep, sent, values):
    lease = begin(session, sent)
    change(session, sent, **values)

    assert keep(lease) == {}
    assert reread(session, sent).lease_token is None


def test_a_lease_that_ended_is_not_taken_for_a_first_try(session, keep, sent):
    lease = replace(begin(session, sent), is_claimed=True)

    assert keep(lease) == {}


@pytest.mark.parametrize("is_redelivered", [True, False])
def test_a_message_that_comes_again_may_have_been_begun_by_somebody(session, sent, is_redelivered):
    lease = claim(session, sent, is_redelivered=is_redelivered)

    assert lease.attempt == 1
    assert list(reread(session, sent).lost_holders) == [str(sent.id)] * is_redelivered


def test_a_first_try_that_fails_counts_as_an_attempt(session, sent):
    lease = begin(session, sent)

    assert give_back(session, lease, HOUR, [Event("step.retrying", {})], error=PROBLEM) == 2

    row = reread(session, sent)
    assert (row.attempt, row.status, row.generation, row.lease_until) == (1, "processing", 3, None)
    assert [event[0] for event in list_events(session, sent)] == ["step.started", "step.retrying"]


def test_a_first_try_may_end_its_ticket(session, sent):
    lease = begin(session, sent)

    assert fail(session, lease, PROBLEM, [Event("ticket.failed", {})]) == 2

    row = reread(session, sent)
    assert (row.attempt, row.status, row.wake_at) == (1, "failed", None)
    assert [event[0] for event in list_events(session, sent)] == ["step.started", "ticket.failed"]
