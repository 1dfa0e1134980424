"""When a worker has to give up on itself, and above all when not."""

import pytest

from ticketflow.tasks.canary import Watch

FREE_S, FULL_S = 60, 150


@pytest.fixture
def watch() -> Watch:
    return Watch(FREE_S, FULL_S)


def judge(watch: Watch, now: float, started: int = 1, *, is_full: bool = False) -> bool:
    return watch.is_silent_too_long(now, started, is_full=is_full)


def test_a_worker_that_starts_tasks_goes_on(watch):
    assert not any(judge(watch, now, started=now) for now in range(1, 1000, 10))


def test_a_silent_worker_with_a_free_slot_gives_up(watch):
    assert [judge(watch, now) for now in (0, FREE_S, FREE_S + 1)] == [False, False, True]


def test_a_sign_of_life_ends_the_silence(watch):
    judge(watch, 0)
    judge(watch, FREE_S, started=2)

    assert not judge(watch, FREE_S + 1, started=2)


def test_a_broker_that_is_away_excuses_any_silence(watch):
    judge(watch, 0)
    watch.reset()

    assert not judge(watch, 1000)


def test_a_worker_whose_slots_are_all_taken_has_as_long_as_a_step_may_take(watch):
    assert [judge(watch, now, is_full=True) for now in (0, FULL_S, FULL_S + 1)] == [False, False, True]


def test_a_slot_that_has_only_just_become_free_is_given_its_time(watch):
    judge(watch, 0, is_full=True)
    judge(watch, FULL_S - FREE_S, is_full=True)

    assert [judge(watch, FULL_S - 1), judge(watch, FULL_S)] == [False, False]
