"""What counts as a jump of the database's clock, and how long each kind of wait may last."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from ticketflow.services import watch_clock
from ticketflow.services.watch_clock import ClockWatch, build_longest_waits
from ticketflow.storage.clocks import LongestWaits

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


class Clocks:
    """The database's clock and one that cannot be set, each moved by hand."""

    CLOCK_BOOTTIME = 7

    def __init__(self) -> None:
        self.up_s = 1024.0
        self.asking_s = 0.0
        self.database = datetime(2026, 1, 1, tzinfo=UTC)

    def pass_by(self, elapsed: timedelta, jump: timedelta = timedelta(0)) -> None:
        self.up_s += elapsed.total_seconds()
        self.database += elapsed + jump

    def clock_gettime(self, which: int) -> float:
        assert which == self.CLOCK_BOOTTIME
        return self.up_s

    def ask(self, session: None) -> datetime:
        """Take a while to answer."""
        self.pass_by(timedelta(seconds=self.asking_s))
        return self.database


@pytest.fixture
def clocks(monkeypatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(watch_clock, "time", clocks)
    monkeypatch.setattr(watch_clock, "read_clock", clocks.ask)
    return clocks


@pytest.fixture
def watch() -> ClockWatch:
    """Watch a database that is always there."""
    return ClockWatch(nullcontext, None)


@pytest.mark.parametrize(
    ("jump", "told"),
    [
        (timedelta(0), timedelta(0)),
        (2 * SECOND, timedelta(0)),
        (2 * SECOND + TICK, 2 * SECOND + TICK),
        (-2 * SECOND, timedelta(0)),
        (-2 * SECOND - TICK, -2 * SECOND - TICK),
    ],
)
def test_more_than_two_seconds_are_a_jump_and_told_once(clocks, watch, jump, told):
    looks = [watch.compare()]
    for each in (timedelta(0), jump, timedelta(0)):
        clocks.pass_by(5 * SECOND, each)
        looks.append(watch.compare())

    assert looks == [0, 0, told.total_seconds(), 0]


def test_a_clock_is_compared_with_how_it_stood_at_the_last_look(clocks, watch):
    for _ in range(3):
        clocks.pass_by(5 * SECOND, SECOND)

        assert watch.compare() == 0


@pytest.mark.parametrize("asking_s", [0.0, 3.0])
@pytest.mark.parametrize(("over", "is_jump"), [(timedelta(0), False), (TICK, True)])
def test_the_time_that_asking_takes_is_excused(clocks, watch, asking_s, over, is_jump):
    watch.compare()
    clocks.pass_by(5 * SECOND, 2 * SECOND + over)
    clocks.asking_s = asking_s

    assert bool(watch.compare()) is is_jump


@pytest.mark.parametrize(("by", "is_jump"), [(timedelta(0), False), (TICK, True)])
def test_the_time_that_asking_took_is_no_jump_back_at_the_next_look(clocks, watch, by, is_jump):
    clocks.asking_s = 3.0
    watch.compare()
    clocks.asking_s = 0.0
    clocks.pass_by(5 * SECOND, -2 * SECOND - by)

    assert bool(watch.compare()) is is_jump


def test_what_jumps_while_it_is_asked_is_told_all_the_same(clocks, watch):
    watch.compare()
    clocks.pass_by(5 * SECOND, timedelta(hours=1))
    clocks.asking_s = 8.0

    assert watch.compare() == 3608


def test_each_kind_of_wait_may_last_as_long_as_the_longest_of_its_kind():
    waits = build_longest_waits(40 * SECOND, 30 * SECOND, 10 * SECOND)

    assert waits == LongestWaits(
        lease=80 * SECOND,
        redispatch=timedelta(minutes=5),
        backoff=timedelta(minutes=5),
        busy=timedelta(days=7),
        busy_error="ModelBusyError",
        delivery_lease=30 * SECOND,
        delivery_retry=timedelta(days=1),
        block=timedelta(days=7),
        call=240 * SECOND,
    )


def test_short_leases_are_no_measure_and_long_waits_for_a_worker_are_one():
    waits = build_longest_waits(15 * SECOND, timedelta(minutes=6), 10 * SECOND)

    assert (waits.lease, waits.redispatch) == (timedelta(minutes=1), timedelta(minutes=6))
