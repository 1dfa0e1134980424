"""When a worker gives up on itself because a thread does not come back."""

import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from ticketflow.tasks import watchdog
from ticketflow.tasks.under_way import StepUnderWay, leaving
from ticketflow.tasks.watchdog import RECORD_EVERY_S, Watchdog, WatchdogStep

GRACE_S = 60.0
HUNG_AT = 1000.0


class Worker:
    """A worker whose threads, consumer and pool are seen to be told something."""

    hostname = "worker@here"
    exitcode = None

    def __init__(self, *, consumes: bool = True) -> None:
        self.told: list[str] = []
        self.consumer = SimpleNamespace(
            call_soon=lambda then: then(),
            task_consumer=SimpleNamespace(cancel=lambda: self.told.append("cancel")) if consumes else None,
        )
        self.pool = SimpleNamespace(give_back=lambda: self.told.append("give back"))


class Noting(Watchdog):
    """A watchdog that notes what it would record in the database."""

    def __init__(self, worker: Any, grace_s: float = GRACE_S) -> None:
        super().__init__(worker, grace_s)
        self.recorded: list[tuple[int, float]] = []

    def _record(self, hung: Sequence[StepUnderWay], now: float) -> None:
        self.recorded.append((len(hung), now))

    def look(self, *at: float) -> None:
        for now in at:
            self._look(now)


@pytest.fixture(autouse=True)
def _stay() -> Iterator[None]:
    """Leave with nothing of what a test made the process do."""
    yield
    leaving.clear()


@pytest.fixture
def hung(monkeypatch) -> list[StepUnderWay]:
    """Give the steps that hang, the one that has been for longest first."""
    steps: list[StepUnderWay] = []
    monkeypatch.setattr(watchdog, "under_way", SimpleNamespace(list_hung=lambda _: list(steps)))
    return steps


@pytest.fixture
def told(monkeypatch) -> list[UUID]:
    """Give the tickets that were named."""
    names: list[UUID] = []
    monkeypatch.setattr(watchdog, "tell", lambda each, _: names.append(each.ticket_id))
    return names


def step(ends_at: float = HUNG_AT) -> StepUnderWay:
    return StepUnderWay(uuid4(), "draft", threading.get_ident(), ends_at)


def test_each_step_that_hangs_is_named_once(hung, told):
    dog = Noting(Worker())
    hung.append(step())
    dog.look(HUNG_AT, HUNG_AT + 1)
    hung.append(step())
    dog.look(HUNG_AT + 2)
    first = hung.pop(0)
    dog.look(HUNG_AT + 3)
    hung.append(first)
    dog.look(HUNG_AT + 4)

    assert told == [first.ticket_id, hung[0].ticket_id, first.ticket_id]


@pytest.mark.parametrize(("after_s", "leaves"), [(GRACE_S, False), (GRACE_S + 0.25, True)])
def test_a_worker_leaves_when_a_thread_is_later_than_it_may_be(hung, told, after_s, leaves):
    hung += [step(), step(HUNG_AT + 1)]
    worker = Worker()

    Noting(worker).look(HUNG_AT + after_s)

    assert leaving.is_set() is leaves
    assert worker.told == (["cancel", "give back"] if leaves else [])


def test_who_leaves_takes_nothing_new_again_and_again(hung, told):
    hung.append(step())
    worker = Worker()
    dog = Noting(worker)
    dog.look(HUNG_AT + GRACE_S + 1)
    hung.clear()

    dog.look(HUNG_AT + GRACE_S + 2)

    assert worker.told == ["cancel", "give back"] * 2


def test_who_consumes_nothing_just_now_gives_back_what_it_has(hung, told):
    hung.append(step())
    worker = Worker(consumes=False)

    Noting(worker).look(HUNG_AT + GRACE_S + 1)

    assert worker.told == ["give back"]


def test_what_hangs_is_recorded_when_it_changes_and_while_it_lasts(hung, told):
    dog = Noting(Worker())
    dog.look(HUNG_AT - 1)
    hung.append(step())
    looks = [HUNG_AT, HUNG_AT + RECORD_EVERY_S, HUNG_AT + RECORD_EVERY_S + 0.25, HUNG_AT + 2 * RECORD_EVERY_S + 0.25]
    dog.look(*looks)
    hung.clear()
    dog.look(HUNG_AT + 30, HUNG_AT + 60)

    assert dog.recorded == [(1, looks[0]), (1, looks[2]), (0, HUNG_AT + 30)]


@pytest.mark.parametrize(("grace_s", "look_s"), [(60.0, 1.0), (4.0, 1.0), (2.0, 0.5)])
def test_short_graces_are_looked_at_more_often(grace_s, look_s):
    assert Noting(Worker(), grace_s)._look_s == look_s  # noqa: SLF001  # the loop that has it goes on for ever


@pytest.mark.parametrize("leaves", [True, False])
def test_a_supervisor_hears_of_it_when_something_went_wrong(leaves):
    worker = Worker()
    if leaves:
        leaving.set()

    WatchdogStep(worker).stop(worker)

    assert worker.exitcode == (1 if leaves else None)


def test_child_processes_need_no_watchdog():
    threads = threading.active_count()
    worker = Worker()

    WatchdogStep(worker).start(worker)

    assert threading.active_count() == threads


def test_a_step_that_hangs_is_named_with_the_innermost_places_of_its_thread(capsys):
    def descend(levels: int) -> None:
        if levels:
            descend(levels - 1)
        else:
            watchdog.tell(step(), HUNG_AT + 2.26)

    descend(30)

    said = capsys.readouterr().out
    assert ("step.hung" in said, "2.3" in said, said.count("test_watchdog.py:")) == (True, True, 11)
