"""A rolling upgrade as the guide for Debian has it, and its way back, under a steady load: ``make upgrade-test``.

Figures go to build/upgrade-report.jsonl. How fast a call is answered is judged against the same run's quiet time.
"""

import json
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.chaos.trail import FIRST_GRAPH, Graph
from tests.harness.processes import REPOSITORY
from tests.harness.wait import wait_until
from tests.seventh_step import MOVES, ORDER
from tests.upgrades.releases import CURRENT, Release, make_next
from tests.upgrades.rollout import Door, Rollout
from tests.upgrades.traffic import Sent, Traffic
from ticketflow.storage.migrate import build_config

RATE = float(os.environ.get("UPGRADE_RATE", "20"))
QUIET_S = float(os.environ.get("UPGRADE_QUIET_S", "30"))
# There and back so often: a hundredth of the calls of one upgrade is six, and one that stalls for any reason decides.
TIMES = 3
MOST_TIMES_SLOWER = 3.0
WORKERS = ("one", "two")
LEFT_BEHIND = "SELECT count(*) FROM tickets WHERE wake_at IS NOT NULL AND graph_version > 1"
HOLD = "INSERT INTO pauses (tenant, step) VALUES ('*', '{}') RETURNING step"
COUNT_HELD = """
    SELECT count(*) FROM tickets WHERE graph_version = 1 AND next_step = '{}' AND wake_at <= now() AND NOT is_in_flight
"""
LET_GO = "DELETE FROM pauses RETURNING step"
MOVED = """
    SELECT DISTINCT detail->>'from_step', step FROM ticket_events
    WHERE type = 'ticket.graph_changed' AND step <> detail->>'from_step' ORDER BY 1
"""
REPORT = REPOSITORY / "build/upgrade-report.jsonl"


@dataclass(frozen=True)
class Phase:
    """What callers saw for a while."""

    name: str
    seconds: float
    calls: int
    results: dict[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float


class Callers:
    """Traffic, cut into phases; those of one name are one."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._seen: dict[str, list[Sent]] = defaultdict(list)
        self._seconds: dict[str, float] = defaultdict(float)

    def watch(self, name: str, happens: Callable[[], object]) -> None:
        """Let something happen, and keep what callers see of it."""
        began_at = time.monotonic()
        happens()
        ended_at = time.monotonic()
        self._traffic.settle()
        self._seen[name] += [sent for sent in self._traffic.sent if began_at <= sent.at <= ended_at]
        self._seconds[name] += ended_at - began_at

    def sum_up(self, name: str) -> Phase:
        """Return what callers saw in all phases of a name."""
        return measure(name, self._seen[name], self._seconds[name])

    def list_phases(self) -> list[Phase]:
        """Return every phase, in order."""
        return [self.sum_up(name) for name in self._seen]


def measure(name: str, sent: list[Sent], seconds: float) -> Phase:
    times_ms = sorted(1000 * each.seconds for each in sent)

    def at(share: float) -> float:
        return round(times_ms[min(len(times_ms) - 1, int(share * len(times_ms)))], 1)

    results = dict(Counter(str(each.result) for each in sent))
    return Phase(name, round(seconds, 1), len(sent), results, at(0.5), at(0.99), at(1.0))


def begin(rollout: Rollout, release: Release, door: Door) -> None:
    """Have everything at work."""
    rollout.migrate(release)
    for name in WORKERS:
        rollout.start_worker(release, name)
    rollout.start_api(release, "api", door)


def replace_worker(rollout: Rollout, release: Release, name: str, **settings: str) -> None:
    rollout.stop(name)
    rollout.start_worker(release, name, **settings)


def replace_api(rollout: Rollout, release: Release, door: Door) -> None:
    """Replace the API, with a relief that answers meanwhile."""
    rollout.start_api(release, "relief", door)
    rollout.stop("api")
    rollout.start_api(release, "api", door)
    rollout.stop("relief")


def roll(rollout: Rollout, release: Release, door: Door) -> None:
    """Replace every process, in the order of docs/how-to/upgrade.md."""
    for name in WORKERS:
        replace_worker(rollout, release, name)
    replace_api(rollout, release, door)


def upgrade_steps(rollout: Rollout, release: Release, door: Door) -> None:
    """Upgrade, with tickets at the steps that will be others held there until no old worker is left to run these."""
    rollout.migrate(release)
    *others, last = WORKERS
    for name in others:
        replace_worker(rollout, release, name)
    for step in reversed(MOVES):  # nothing gets past the earlier one while that is held
        hold(rollout, step)
    replace_worker(rollout, release, last)
    rollout.query(LET_GO)
    replace_api(rollout, release, door)


def hold(rollout: Rollout, step: str) -> None:
    """Let tickets wait at a step, and wait until one does that knows the steps of before."""
    rollout.query(HOLD.format(step))
    wait_until(lambda: rollout.query(COUNT_HELD.format(step)) != [(0,)], 60, f"tickets are held at {step}")


def roll_back_steps(rollout: Rollout, newer: Release, older: Release, door: Door) -> None:
    """Replace every process by one with the steps of before, as docs/how-to/upgrade.md has it."""
    *others, last = WORKERS
    replace_worker(rollout, newer, last, TICKETFLOW_CHANGE_OVER="false")
    replace_api(rollout, older, door)
    for name in others:
        replace_worker(rollout, older, name)
    wait_until(lambda: rollout.query(LEFT_BEHIND) == [(0,)], 300, lambda: f"{rollout.query(LEFT_BEHIND)} are left")
    replace_worker(rollout, older, last)


def upgrade(rollout: Rollout, release: Release, door: Door) -> None:
    rollout.migrate(release)
    roll(rollout, release, door)


def pause() -> None:
    """Let quiet time pass: there is nothing else to wait for."""
    threading.Event().wait(QUIET_S)


def publish(name: str, callers: Callers, tickets: int) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    line = {"run": name, "rate": RATE, "tickets": tickets, "phases": [asdict(phase) for phase in callers.list_phases()]}
    with Path(REPORT).open("a") as lines:
        lines.write(f"{json.dumps(line)}\n")


@pytest.mark.timeout(1800)
def test_nobody_notices_an_upgrade_nor_the_way_back(previous, rollout):
    door = rollout.open_door()
    begin(rollout, previous, door)
    with Traffic([door.url], rollout.create_key(), RATE, rollout.history) as traffic:
        callers = Callers(traffic)
        for _ in range(TIMES):
            callers.watch("quiet", pause)
            callers.watch("upgrade", lambda: upgrade(rollout, CURRENT, door))
            callers.watch("quiet", pause)
            callers.watch("roll back", lambda: roll(rollout, previous, door))
    quiet, there, back = (callers.sum_up(name) for name in ("quiet", "upgrade", "roll back"))
    publish("previous to current and back", callers, len(traffic.sent))
    report = rollout.finish()

    assert report.problems == []
    assert {sent.result for sent in traffic.sent} == {202}
    assert rollout.query("SELECT status, count(*) FROM tickets GROUP BY 1") == [("completed", len(traffic.sent))]
    assert max(there.p99_ms, back.p99_ms) <= MOST_TIMES_SLOWER * quiet.p99_ms


@pytest.mark.timeout(1800)
def test_tickets_change_over_to_other_steps_and_are_finished_when_the_old_ones_come_back(rollout, tmp_path):
    head = ScriptDirectory.from_config(build_config("")).get_current_head()
    door, following = rollout.open_door(), make_next(tmp_path, str(head))
    begin(rollout, CURRENT, door)
    with Traffic([door.url], rollout.create_key(), RATE / 2, rollout.history) as traffic:
        callers = Callers(traffic)
        callers.watch("quiet before", pause)
        callers.watch("upgrade", lambda: upgrade_steps(rollout, following, door))
        callers.watch("quiet after", pause)
        callers.watch("roll back", lambda: roll_back_steps(rollout, following, CURRENT, door))
    publish("current to next and back", callers, len(traffic.sent))
    report = rollout.finish(FIRST_GRAPH, Graph(ORDER, MOVES))

    assert report.problems == []
    assert {sent.result for sent in traffic.sent} == {202}
    assert rollout.query("SELECT status, count(*) FROM tickets GROUP BY 1") == [("completed", len(traffic.sent))]
    assert rollout.query("SELECT DISTINCT graph_version FROM tickets ORDER BY 1") == [(1,), (2,)]
    assert rollout.query(MOVED) == sorted(MOVES.items())
