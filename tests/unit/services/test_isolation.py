"""A suspect runs by itself: after those who are at work, before those who come."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness.wait import wait_until
from ticketflow.services.isolation import Isolation

OPEN = threading.Event()
OPEN.set()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as executor:
        yield executor


def enter(kind, log: list[str], name: str, door: threading.Event) -> None:
    with kind():
        log.append(f"{name} in")
        assert door.wait(30)
        log.append(f"{name} out")


def test_steps_run_together(pool):
    isolation, log, door = Isolation(30), [], threading.Event()
    both = [pool.submit(enter, isolation.together, log, name, door) for name in "ab"]

    wait_until(lambda: sorted(log) == ["a in", "b in"])

    door.set()
    [each.result() for each in both]


def test_a_suspect_waits_for_those_at_work_and_those_who_come_for_it(pool):
    isolation, log = Isolation(30), []
    doors = {name: threading.Event() for name in ("before", "suspect", "after")}
    started = [pool.submit(enter, isolation.together, log, "before", doors["before"])]
    wait_until(lambda: log == ["before in"])
    started.append(pool.submit(enter, isolation.alone, log, "suspect", doors["suspect"]))
    wait_until(lambda: isolation._is_taken)  # noqa: SLF001  # it waits, and nothing shows it
    doors["after"].set()
    started.append(pool.submit(enter, isolation.together, log, "after", doors["after"]))

    doors["before"].set()
    wait_until(lambda: "suspect in" in log)
    doors["suspect"].set()
    [each.result() for each in started]

    assert log == ["before in", "before out", "suspect in", "suspect out", "after in", "after out"]


def test_two_suspects_run_one_after_the_other(pool):
    isolation, log, door = Isolation(30), [], threading.Event()
    both = [pool.submit(enter, isolation.alone, log, name, door) for name in "ab"]
    wait_until(lambda: log)

    door.set()
    [each.result() for each in both]

    assert [line[2:] for line in log] == ["in", "out", "in", "out"]


@pytest.mark.parametrize("first", ["together", "alone"])
@pytest.mark.parametrize("second", ["together", "alone"])
def test_nobody_waits_for_ever(pool, first, second):
    isolation, log, door = Isolation(0.01), [], threading.Event()
    hanging = pool.submit(enter, getattr(isolation, first), log, "first", door)
    wait_until(lambda: log == ["first in"])

    with getattr(isolation, second)():
        log.append("second in")

    door.set()
    hanging.result()
    assert log == ["first in", "second in", "first out"]


@pytest.mark.parametrize("kind", ["together", "alone"])
def test_whoever_fails_is_in_nobodys_way(pool, kind):
    isolation = Isolation(30)
    with pytest.raises(ValueError, match="mine"), getattr(isolation, kind)():
        raise ValueError("mine")

    next_one = pool.submit(enter, isolation.alone, [], "next", OPEN)
    next_one.result(10)  # it does not have to wait for the whole of its patience
