from collections.abc import Sequence

import pytest

from tests.chaos.run import IS_FULL, SCALE, SEED, TICKETS, naming_the_seed, pace, publish_figures, run
from tests.chaos.schedule import FAMILIES, PREFORK, WORKERS, Planned, seeded_schedule
from tests.chaos.site import LONG_QUEUES, Setup

MAX_RATIO = 1.05
MISSES_QUEUES = {"publishing"}  # what is published while a queue is gone ends up among the dead letters
THREADS = dict.fromkeys(WORKERS, "threads")


def set_up(family: str, schedule: Sequence[Planned]) -> Setup:
    workers = {WORKERS[0]: "threads", PREFORK: "prefork"} if family == "processes" else THREADS
    return Setup(
        workers=workers,
        step_s=pace(schedule, TICKETS, 4 * len(workers)),
        is_proxied=family in {"partitions", "publishing"},
        env=LONG_QUEUES if family == "connections" else {},
    )


@pytest.mark.timeout(3600 if IS_FULL else 600)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_ticket_is_lost_and_no_step_takes_effect_twice_under(family, new_site):
    schedule = seeded_schedule(SEED, family, SCALE)

    with naming_the_seed(SEED, family):
        with new_site(set_up(family, schedule)).running() as site:
            done = run(site, schedule)
        publish_figures(family, done, SEED)

        assert done.report.problems == []
        assert done.report.figures.accepted == TICKETS
        assert len(done.open_at_fault) == len(schedule)
        assert min(done.open_at_fault) > 0
        assert not done.stray_letters or family in MISSES_QUEUES
        assert not IS_FULL or done.report.figures.ratio <= MAX_RATIO
