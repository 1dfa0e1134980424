"""Which faults come when: everything follows from a seed."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import (
    Alarm,
    CloseConnections,
    DeleteQueue,
    Fault,
    JumpClock,
    Kill,
    KillPoolChild,
    KillRabbitMQ,
    Latency,
    Partition,
    Pause,
    PurgeQueues,
    StopPostgres,
    TerminateBackends,
)
from tests.chaos.site import API, STEPS
from tests.harness.proxy import Mode

WORKERS = ("one", "two")
PREFORK = "forked"
LINKS = ("one-postgres", "one-rabbitmq", "api-postgres", "api-rabbitmq")
FULL = 1.0
DAY_S = 86400


@dataclass(frozen=True)
class Planned:
    """A fault, how long things go well before it, and how long it lasts."""

    pause_s: float
    fault: Fault
    lasts_s: float


Family = Callable[[Random, float], Iterable[Planned]]


def seeded_schedule(seed: int, family: str, scale: float) -> Sequence[Planned]:
    """Plan the faults of a family.

    Args:
        scale: 1 for the real thing; every time shrinks with it, and less than 1 leaves out what takes longest.
    """
    return list(FAMILIES[family](Random(f"{seed} {family}"), scale))


def measure_duration(schedule: Iterable[Planned]) -> float:
    """Return how long a schedule takes at least, in seconds."""
    return sum(planned.pause_s + planned.lasts_s for planned in schedule)


def plan_postgres(chance: Random, scale: float) -> Iterable[Planned]:
    for _ in range(_times(6, scale)):
        lasts_s = chance.uniform(0, 5) * scale
        yield Planned(chance.uniform(5, 20) * scale, StopPostgres(chance.random() < 0.7), lasts_s)


def plan_rabbitmq(chance: Random, scale: float) -> Iterable[Planned]:
    kills = 5 if scale == FULL else 1
    for outage_s in [0.0] * kills + [30.0] + ([600.0] if scale == FULL else []):
        yield Planned(chance.uniform(20, 60) * scale / (1 if scale == FULL else 2), KillRabbitMQ(), outage_s * scale)


def plan_workers(chance: Random, scale: float) -> Iterable[Planned]:
    for name in itertools.islice(itertools.cycle(WORKERS), _times(5, scale)):
        yield Planned(chance.uniform(5, 20) * scale, Kill(name, is_whole=chance.random() < 0.5), 0)


def plan_partitions(chance: Random, scale: float) -> Iterable[Planned]:
    modes = [Mode.BLACK_HOLE, Mode.FREEZE, Mode.HALF_OPEN, Mode.CUT] * (3 if scale == FULL else 1)
    links = itertools.cycle(chance.sample(LINKS, len(LINKS)))
    for number, mode in enumerate(modes):
        lasts_s = (30 if number % len(LINKS) == 0 else 10) * scale
        yield Planned(chance.uniform(5, 15) * scale, Partition(next(links), mode), lasts_s)
        next(links) if number % len(LINKS) == len(LINKS) - 1 else None
    yield Planned(chance.uniform(5, 15) * scale, Latency("one-postgres", 0.05), 10 * scale)
    yield Planned(chance.uniform(5, 15) * scale, Latency("one-rabbitmq", 0.05), 10 * scale)


def plan_publishing(chance: Random, scale: float) -> Iterable[Planned]:
    for _ in range(4 if scale == FULL else 1):
        yield Planned(chance.uniform(5, 15) * scale, Alarm("memory"), 20 * scale)
        yield Planned(chance.uniform(5, 15) * scale, DeleteQueue(chance.choice(STEPS[1:])), 5 * scale)
        yield Planned(chance.uniform(5, 15) * scale, Alarm("disk"), 20 * scale)
        yield Planned(chance.uniform(5, 15) * scale, Partition("api-rabbitmq", Mode.BLACK_HOLE), 10 * scale)
        yield Planned(chance.uniform(5, 15) * scale, Partition("one-rabbitmq", Mode.BLACK_HOLE), 20 * scale)


def plan_connections(chance: Random, scale: float) -> Iterable[Planned]:
    kinds: list[Fault] = [CloseConnections(), TerminateBackends(), PurgeQueues(WORKERS)]
    for _ in range(5 if scale == FULL else 2):
        for fault in chance.sample(kinds, len(kinds)):
            yield Planned(chance.uniform(5, 15) * scale, fault, 0)


def plan_processes(chance: Random, scale: float) -> Iterable[Planned]:
    kinds: list[tuple[Fault, float]] = [
        (Pause("one"), 30),  # longer than a lease
        (Pause(API), 10),
        (Kill(API), 0),
        (KillPoolChild(PREFORK), 0),
        (KillPoolChild(PREFORK), 0),
        (Kill(PREFORK, is_whole=False), 0),
        (Kill("one"), 0),
    ]
    for _ in range(3 if scale == FULL else 1):
        for fault, lasts_s in chance.sample(kinds, len(kinds)):
            yield Planned(chance.uniform(5, 15) * scale, fault, lasts_s * scale)


def plan_clock(chance: Random, scale: float) -> Iterable[Planned]:
    for _ in range(3 if scale == FULL else 1):
        for offset_s in chance.sample([3600, -3600, 30 * DAY_S, -30 * DAY_S], 4):
            yield Planned(chance.uniform(2, 5) * scale, JumpClock(offset_s), 10 * scale)


FAMILIES: dict[str, Family] = {
    "postgres": plan_postgres,
    "rabbitmq": plan_rabbitmq,
    "workers": plan_workers,
    "partitions": plan_partitions,
    "publishing": plan_publishing,
    "connections": plan_connections,
    "processes": plan_processes,
    "clock": plan_clock,
}


def _times(in_full: int, scale: float) -> int:
    return in_full * 2 if scale == FULL else in_full
