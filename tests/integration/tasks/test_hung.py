"""Steps that never end: a worker that cannot get rid of them ends itself, and nobody else's ticket is harmed."""

import signal

import pytest

from tests.chaos.hangs import HANGS, HOLDS_INTERPRETER
from tests.harness.wait import wait_until

pytestmark = pytest.mark.timeout(600)

TICKETS = 6
LIMITS = {"CHAOS_TIME_LIMIT_S": 5, "TICKETFLOW_HUNG_GRACE_S": 2, "TICKETFLOW_LEASE_S": 3}
TRIED_AGAIN = """
    SELECT count(DISTINCT ticket_id) FROM ticket_events JOIN tickets ON tickets.id = ticket_id
    WHERE subject NOT LIKE 'hang%' AND ticket_events.attempt > 1
"""


def hang(fleet, *subjects: str, pool: str = "threads", **settings):
    """Start a worker of four slots and have some of them hang, the others at work."""
    fleet.start_dispatcher()
    worker = fleet.start("one", pool=pool, CHAOS_HANGS=1, **{**LIMITS, "CHAOS_STEP_S": 0.3, **settings})
    for subject in subjects:
        fleet.submit(1, subject)
    wait_until(lambda: fleet.list_pids("executing", "draft")[len(subjects) - 1 :], describe="steps hang", timeout_s=60)
    fleet.submit(TICKETS)
    return worker


def complete_all(fleet, count: int) -> None:
    """Start a worker in which nothing hangs, and wait until every ticket is completed."""
    fleet.start("two")
    fleet.wait_for_completed(count)


def test_a_worker_whose_threads_hang_lets_the_others_end_and_ends_itself(fleet):
    worker = hang(fleet, *(set(HANGS) - {HOLDS_INTERPRETER}))

    wait_until(lambda: not worker.is_running(), describe="the worker ends", timeout_s=60)

    log = worker.read_log()
    assert worker.popen.returncode == 1
    assert log.index("step.hung") < log.index("worker.hung")
    assert "hangs.py" in log, "it says where"
    complete_all(fleet, TICKETS + 2)
    assert fleet.query(TRIED_AGAIN) == [(0,)]


def test_a_worker_whose_interpreter_is_held_ends_and_the_others_pay_no_more_than_one_try(fleet):
    worker = hang(fleet, HOLDS_INTERPRETER, CHAOS_TIME_LIMIT_S=600)

    wait_until(lambda: not worker.is_running(), describe="the worker ends", timeout_s=60)

    assert worker.popen.returncode == 1
    assert "in match" in worker.read_log()
    complete_all(fleet, TICKETS + 1)
    assert fleet.query(TRIED_AGAIN) <= [(3,)], "at most those in the other slots"


def test_child_processes_that_hang_are_killed_and_their_worker_works_on(fleet):
    worker = hang(fleet, *HANGS, pool="prefork")

    wait_until(lambda: fleet.count_completed() >= TICKETS, 120, describe="the others are completed")

    wait_until(lambda: worker.read_log().count("step.hung") >= len(HANGS), describe="all that hang are killed")
    assert worker.is_running()
    assert fleet.query(TRIED_AGAIN) == [(0,)]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_second_sigterm_waits_no_longer_for_a_step_that_hangs(fleet, pool):
    worker = hang(fleet, "hang: spin", pool=pool, CHAOS_TIME_LIMIT_S=600, TICKETFLOW_SOFT_SHUTDOWN_S=2)

    worker.popen.send_signal(signal.SIGTERM)
    worker.wait_for_log("Warm shutdown")
    worker.popen.send_signal(signal.SIGTERM)

    wait_until(lambda: not worker.is_running(), 60, describe="the worker ends")
    complete_all(fleet, TICKETS + 1)
    assert fleet.query(TRIED_AGAIN) <= [(3,)], "at most those in the other slots"
