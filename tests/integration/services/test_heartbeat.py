"""Leases of long steps: extended while the step may take its time, lost when it hangs."""

import threading
import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from tests.harness.wait import wait_until
from tests.toy import NO_TOOLS, toy_plan
from ticketflow.errors import StepInterruptedError
from ticketflow.services import heartbeat
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.storage.due import expire_leases
from ticketflow.storage.leases import claim_step
from ticketflow.storage.models import Ticket
from ticketflow.workflow.interruption import stop_if_interrupted
from ticketflow.workflow.outcomes import Committed, Unchanged

A_SHORT_LEASE = timedelta(seconds=0.3)


@pytest.fixture
def run_in_thread(sessions, first_claim):
    """Run the first step beside the test; returns the list its outcome will be in."""
    threads = []

    def start(read, time_limit_s=30.0) -> list:
        outcomes = []
        plan = toy_plan(read=read, time_limit_s=time_limit_s)
        runner = StepRunner(sessions, plan, NO_TOOLS, QueueWait(timedelta(hours=1)), A_SHORT_LEASE)
        thread = threading.Thread(target=lambda: outcomes.append(runner.run(first_claim)))
        thread.start()
        threads.append(thread)
        return outcomes

    yield start
    for thread in threads:
        thread.join()


def test_a_beat_extends_no_lease_beyond_the_step_s_time_limit(sessions, first_claim):
    with sessions.begin() as session:
        lease = claim_step(session, first_claim, timedelta(hours=1), 3)
    heart, now = heartbeat.Heartbeat(sessions, timedelta(hours=1)), time.monotonic()
    kept = heartbeat.Kept.begin(lease, time_limit_s=90)

    with heart.keep(kept):
        heart._beat([kept], now)  # noqa: SLF001  # as it does a third of an hour later

    with sessions() as session:
        left = session.scalar(select(Ticket.lease_until - func.clock_timestamp()))
    assert left <= timedelta(seconds=91)


@pytest.fixture
def thinking():
    """Make a step that thinks until it is told to stop."""

    class Thinking:
        def __init__(self):
            self.is_enough = threading.Event()

        def __call__(self, state, tools):
            assert self.is_enough.wait(30)
            return {"read": 7}

    step = Thinking()
    yield step
    step.is_enough.set()


def read_ticket(sessions) -> Ticket:
    with sessions() as session:
        return session.scalars(select(Ticket)).one()


def expire(sessions) -> int:
    with sessions.begin() as session:
        return expire_leases(session, 10)


def count_stale_commits() -> float:
    return REGISTRY.get_sample_value("ticketflow_stale_commits_total", {"step": "read"}) or 0


def wait_for_beat(sessions) -> None:
    first = wait_until(lambda: read_ticket(sessions).lease_until, describe="the step is claimed")
    wait_until(lambda: read_ticket(sessions).lease_until > first, describe="its lease is extended")


def test_a_long_step_keeps_its_lease_and_commits(sessions, run_in_thread, thinking):
    outcomes = run_in_thread(thinking)
    for _ in range(3):
        wait_for_beat(sessions)
    assert (read_ticket(sessions).attempt, read_ticket(sessions).holder is None) == (1, False)

    thinking.is_enough.set()

    wait_until(lambda: outcomes)
    assert outcomes == [Committed("check", is_chain_valid=True)]


def test_a_quick_step_never_heartbeats(sessions, new_runner, first_claim, monkeypatch):
    beats = []
    monkeypatch.setattr("ticketflow.services.heartbeat.extend_leases", lambda *how: beats.append(how))

    assert isinstance(new_runner().run(first_claim), Committed)
    assert beats == []


def test_a_step_past_its_time_limit_loses_its_lease_and_changes_nothing(sessions, run_in_thread, thinking):
    before = count_stale_commits()
    outcomes = run_in_thread(thinking, time_limit_s=0.5)

    wait_until(lambda: expire(sessions), describe="the hung step's lease has run out")
    thinking.is_enough.set()

    wait_until(lambda: outcomes)
    assert outcomes == [Unchanged.LOST]
    assert "read" not in read_ticket(sessions).state
    assert count_stale_commits() == before + 1


def test_a_step_learns_before_its_next_model_call_that_its_ticket_was_cancelled(sessions, run_in_thread):
    interrupted = []

    def call_models(state, tools):
        try:
            wait_until(stop_if_interrupted, describe="the step is interrupted")
        except StepInterruptedError:
            interrupted.append(True)
            raise

    outcomes = run_in_thread(call_models)
    wait_until(lambda: read_ticket(sessions).lease_token)
    cancel_ticket(sessions, "default", read_ticket(sessions).id)

    wait_until(lambda: outcomes)
    assert (interrupted, outcomes) == ([True], [Unchanged.LOST])
    assert read_ticket(sessions).status == "cancelled"


def test_a_database_that_is_away_for_one_beat_costs_no_lease(sessions, run_in_thread, thinking, monkeypatch):
    real, failed = heartbeat.extend_leases, []

    def fail_once(*how):
        if not failed:
            failed.append(True)
            raise OperationalError("SELECT", {}, Exception("gone"))
        return real(*how)

    monkeypatch.setattr(heartbeat, "extend_leases", fail_once)
    outcomes = run_in_thread(thinking)
    wait_for_beat(sessions)
    thinking.is_enough.set()

    wait_until(lambda: outcomes)
    assert (failed, outcomes) == ([True], [Committed("check", is_chain_valid=True)])
