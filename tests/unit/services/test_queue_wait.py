from datetime import timedelta

import pytest

from ticketflow.services.queue_wait import HALF_LIFE_S, STRETCH_LIMIT, WAIT_FACTOR, QueueWait, stretch

BASE = timedelta(seconds=30)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wait(clock) -> QueueWait:
    return QueueWait(BASE, clock)


def test_the_longest_wait_counts(wait):
    for waited_s in (1, 20, 3):
        wait.observe(waited_s)

    assert wait.value_s == 20


def test_a_wait_fades(wait, clock):
    wait.observe(20)
    clock.now = HALF_LIFE_S

    assert wait.value_s == 10


def test_a_shorter_wait_does_not_refresh_a_longer_one(wait, clock):
    wait.observe(20)
    clock.now = HALF_LIFE_S
    wait.observe(1)
    clock.now = 2 * HALF_LIFE_S

    assert wait.value_s == 5


def test_short_queues_leave_the_clock_as_it_was_set(wait):
    wait.observe(BASE.total_seconds() / WAIT_FACTOR)

    assert wait.redispatch_after == BASE


def test_long_queues_stretch_the_clock(wait):
    wait.observe(20)

    assert wait.redispatch_after == timedelta(seconds=20 * WAIT_FACTOR)


@pytest.mark.parametrize(
    ("base", "stretched"), [(BASE, STRETCH_LIMIT), (2 * STRETCH_LIMIT, 2 * STRETCH_LIMIT)], ids=["short", "long"]
)
def test_the_clock_is_not_stretched_without_end(base, stretched):
    assert stretch(base, timedelta(days=1)) == stretched
