"""One run: feed a site, hurt it as planned, let it come to rest, and have it judged."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from tests.chaos.checker import Report, check
from tests.chaos.feeder import Feeder
from tests.chaos.figures import publish
from tests.chaos.schedule import FULL, Planned, measure_duration
from tests.chaos.site import Site
from tests.harness.wait import wait_until

TICKETS = int(os.environ.get("CHAOS_TICKETS", "300"))
SCALE = float(os.environ.get("CHAOS_SCALE", "0.15"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
IS_FULL = SCALE == FULL
QUIET_S = 1200.0 if IS_FULL else 180.0
STEPS_PER_TICKET = 6
BACKLOG = 16  # twice as many as two workers can hold at a time


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes:
        open_at_fault: How many tickets were open when each fault struck.
        stray_letters: Tickets among the dead letters that did not fail.
    """

    report: Report
    open_at_fault: Sequence[int]
    stray_letters: frozenset[str]


def pace(schedule: Sequence[Planned], tickets: int, slots: int) -> float:
    """Choose how long a step thinks so that there is work for as long as there are faults."""
    wanted_s = 0.6 * measure_duration(schedule) * slots / (tickets * STEPS_PER_TICKET)
    return round(min(0.5, max(0.05, wanted_s)), 3)


def run(site: Site, schedule: Sequence[Planned], tickets: int = TICKETS) -> Run:
    """Feed, hurt, wait and judge. Each fault finds a portion of the tickets that has just come in."""
    feeder = Feeder(f"http://127.0.0.1:{site.port}", site.key, site.history)
    feeder.start()
    try:
        open_at_fault = [
            strike(site, planned, lambda count=count: feeder.release(count))
            for planned, count in zip(schedule, portion(tickets, len(schedule)), strict=True)
        ]
        wait_until(lambda: len(feeder.accepted) == tickets, QUIET_S, lambda: f"{len(feeder.accepted)} are accepted")
    finally:
        feeder.stop()
    site.wait_until_quiet(QUIET_S)
    stray = frozenset(site.take_dead_letters() - site.list_failed())
    return Run(check(site.history_path, site.database_url), open_at_fault, stray)


def portion(tickets: int, times: int) -> list[int]:
    """Split tickets evenly."""
    return [tickets * (number + 1) // times - tickets * number // times for number in range(times)]


def strike(site: Site, planned: Planned, feed: Callable[[], None] = lambda: None) -> int:
    """Let one fault come and go where there is something to lose; return how many tickets were open."""
    _pass(planned.pause_s)
    feed()
    is_open = wait_until(lambda: (count := site.count_open()) >= BACKLOG and count, 60, "there is a backlog")
    began_at = time.monotonic()
    planned.fault.apply(site)
    try:
        _pass(planned.lasts_s)
    finally:
        planned.fault.heal(site)
    lasted_s = round(time.monotonic() - began_at, 2)
    site.history.record("fault", fault=repr(planned.fault), open=is_open, lasted_s=lasted_s)
    return int(is_open)


@contextmanager
def naming_the_seed(seed: int, family: str):
    """Say on failure how to have the same faults again."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"the same faults again: CHAOS_SEED={seed} pytest tests/chaos -k {family}")
        raise


def publish_figures(name: str, run: Run, seed: int) -> None:
    """Append the figures of a run to the file that ``CHAOS_REPORT`` names, if it does."""
    line = {"run": name, "seed": seed, "tickets": TICKETS, "scale": SCALE, "faults": len(run.open_at_fault)}
    line |= {"open_at_fault": list(run.open_at_fault), **asdict(run.report.figures), "problems": run.report.problems}
    publish({**line, "stray_letters": len(run.stray_letters)})


def _pass(seconds: float) -> None:
    """Let time pass: a schedule is the one thing that has nothing else to wait for."""
    threading.Event().wait(seconds)
