"""Ends of a worker: in order, in a hurry, at once. Nothing is lost, and nothing takes effect twice."""

import signal

import pytest

from tests.harness.wait import wait_until

TICKETS = 8


def start_busy(fleet, step_s: float, **settings):
    """Start a worker and wait until its slots are all at work on slow steps."""
    fleet.start_dispatcher()
    worker = fleet.start("one", CHAOS_STEP_S=step_s, **settings)
    fleet.submit(TICKETS)
    wait_until(lambda: len(fleet.list_pids("executing")) >= 4, describe="all slots are at work")
    return worker


def test_sigterm_lets_steps_under_way_end(fleet):
    worker = start_busy(fleet, step_s=1)

    worker.stop(signal.SIGTERM)

    assert worker.popen.returncode == 0
    assert len(fleet.list_pids("executing")) == len(fleet.list_pids("committed"))
    fleet.start("two")
    fleet.wait_for_completed(TICKETS)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_sigquit_lets_quick_steps_end(fleet, pool):
    worker = start_busy(fleet, step_s=0.5, pool=pool, TICKETFLOW_SOFT_SHUTDOWN_S=2)

    worker.stop(signal.SIGQUIT)

    assert len(fleet.list_pids("committed")) >= 4
    fleet.start("two")
    fleet.wait_for_completed(TICKETS)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_sigquit_does_not_wait_for_slow_steps(fleet, pool):
    worker = start_busy(fleet, step_s=100, pool=pool, TICKETFLOW_SOFT_SHUTDOWN_S=0.5)

    worker.popen.send_signal(signal.SIGQUIT)

    wait_until(lambda: not worker.is_running(), describe="the worker ends")
    assert fleet.list_pids("committed") == []
    fleet.start("two")
    fleet.wait_for_completed(TICKETS)


def test_sigkill_loses_nothing(fleet):
    worker = start_busy(fleet, step_s=0.1)

    worker.kill()

    fleet.start("two")
    fleet.wait_for_completed(TICKETS)
