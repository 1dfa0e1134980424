"""What is kept of a step that may begin in the process that committed the one before it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ticketflow.services import next_leases
from ticketflow.services.next_leases import KEPT_FOR_S, MOST_CHARACTERS, MOST_KEPT, NextLeases
from ticketflow.storage.commits import Passed
from ticketflow.storage.ids import new_id
from ticketflow.storage.leases import Claim, Lease

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
PASSED = Passed(5, LATER, 2)


class Clock:
    """Stands for ``time``."""

    now = 100.0

    def monotonic(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(next_leases, "time", clock)
    return clock


def done(**values):
    claim = Claim(new_id(), "read", 3)
    lease = Lease(claim, new_id(), 1, 1, 0.5, NOW, 90.0, {"a": {"b": 1}}, is_claimed=False, version=4)
    return replace(lease, **values)


def keep(leases, lease, added=None, passed=PASSED):
    leases.keep(lease, added or {"c": [2]}, "check", passed)
    return replace(lease.claim, step="check")


def test_the_next_step_begins_with_all_that_is_known(clock):
    leases, lease = NextLeases(), done()
    claim = keep(leases, lease)
    clock.now += 0.25

    begun = leases.take(claim)

    assert begun == Lease(
        claim,
        begun.token,
        1,
        2,
        0.25,
        LATER + timedelta(seconds=0.25),
        90.0,
        {"a": {"b": 1}, "c": [2]},
        is_claimed=False,
        version=5,
    )
    assert begun.token != lease.token


def test_it_begins_once():
    leases = NextLeases()
    claim = keep(leases, done())

    assert leases.take(claim)
    assert leases.take(claim) is None


@pytest.mark.parametrize("values", [{"step": "read"}, {"generation": 4}, {"is_redelivered": True}])
def test_nothing_else_does(values):
    leases = NextLeases()
    claim = keep(leases, done())

    assert leases.take(replace(claim, **values)) is None


@pytest.mark.parametrize(("waited_s", "is_kept"), [(KEPT_FOR_S, True), (KEPT_FOR_S + 0.01, False)])
def test_it_is_kept_for_a_moment(clock, waited_s, is_kept):
    leases = NextLeases()
    claim = keep(leases, done())
    clock.now += waited_s

    assert (leases.take(claim) is not None) is is_kept


def test_a_step_that_changes_what_it_is_given_changes_nobody_elses():
    leases, lease = NextLeases(), done()
    claim = keep(leases, lease)

    lease.state["a"]["b"] = 2

    assert leases.take(claim).state["a"] == {"b": 1}


@pytest.mark.parametrize(
    "passed", [PASSED._replace(next_round=None), PASSED._replace(version=6)], ids=["paused", "changed"]
)
def test_what_must_be_looked_at_is_not_kept(passed):
    leases = NextLeases()

    assert leases.take(keep(leases, done(), passed=passed)) is None


def test_long_tickets_are_not_kept():
    leases = NextLeases()

    assert leases.take(keep(leases, done(), {"c": "x" * (MOST_CHARACTERS - 100)}))
    assert leases.take(keep(leases, done(), {"c": "x" * MOST_CHARACTERS})) is None


def test_the_oldest_give_way(clock):
    leases = NextLeases()
    old = keep(leases, done())
    clock.now += KEPT_FOR_S + 0.01
    claims = [keep(leases, done()) for _ in range(MOST_KEPT + 1)]

    kept = [leases.take(claim) is not None for claim in [old, *claims]]

    assert kept == [False, False, *[True] * MOST_KEPT]
