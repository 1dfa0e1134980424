"""Our commands among Celery's, on the real servers and workers, as an operator runs them.

``CHAOS_DEAD_LETTERS`` says how many tickets are to die and come back (20).
"""

import json
import os
import subprocess
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from tests.harness.processes import run_module, start_worker
from tests.harness.wait import wait_until
from tests.systems import run_celery
from ticketflow.services.articles import create_article
from ticketflow.storage.articles import NewArticle
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

DEAD_LETTERS = int(os.environ.get("CHAOS_DEAD_LETTERS", "20"))
NOBODY = {"TICKETFLOW_BROKER_URL": "amqp://127.0.0.1:1//"}

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(600)]


def run(env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command; return how it ended and what it said."""
    return run_module("celery", ["-A", "ticketflow.tasks", *args], env)


def read_queues(env: dict[str, str]) -> dict[str, Any]:
    done = run(env, "queues", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def total(shown: dict[str, Any], name: str) -> int:
    return sum(step[name] for step in shown["steps"])


@pytest.mark.slow
def test_no_ticket_is_lost_when_every_queue_is_purged(fleet):
    env = fleet.env | {"TICKETFLOW_REDISPATCH_AFTER_S": "2"}
    fleet.submit(20)

    dispatched, before = run(env, "dispatch"), read_queues(env)
    purged, after = run(env, "purge", "-f"), read_queues(env)
    fleet.start("one", TICKETFLOW_REDISPATCH_AFTER_S=2)

    assert dispatched.stdout == "16 published, 0 unsent\n"
    assert (before["steps"][0]["ready"], before["steps"][0]["consumers"]) == (16, 0)
    assert before["steps"][0]["due"] in range(4, 21)
    assert before["steps"][0]["oldest_due_s"] > 0
    assert "Purged 16 messages" in purged.stdout
    assert total(after, "ready") == 0
    fleet.wait_for_completed(20)


@pytest.mark.slow
def test_queues_show_what_workers_hold_and_what_is_paused(fleet):
    fleet.start("slow", concurrency=1, CHAOS_STEP_S=3)
    fleet.submit(12)
    wait_until(lambda: fleet.list_pids("executing"))
    paused = run(fleet.env, "tickets", "pause", "draft", "--reason", "repairs")

    shown, as_text = read_queues(fleet.env), run(fleet.env, "queues").stdout

    assert paused.stdout == "paused: draft, every tenant\n"
    assert {step["consumers"] for step in shown["steps"]} == {1}
    assert 1 <= total(shown, "unacknowledged") <= 12
    assert [step["step"] for step in shown["steps"] if step["paused_for"] == ["*"]] == ["draft"]
    assert shown["dead"] == {"ready": 0, "parked": 0}
    assert [word in as_text for word in ("steps.draft", "everybody", "ticketflow.dead: 0 messages")] == [True] * 3


def test_a_paused_step_waits_until_it_is_resumed(fleet):
    assert run(fleet.env, "tickets", "pause", "draft").returncode == 0
    fleet.start("one")
    fleet.submit(5)
    at_draft = "SELECT count(*) FROM tickets WHERE next_step = 'draft' AND NOT is_in_flight AND lease_token IS NULL"
    wait_until(lambda: fleet.query(at_draft) == [(5,)], 30, fleet.describe)

    assert run(fleet.env, "tickets", "resume", "draft").returncode == 0

    fleet.wait_for_completed(5)
    assert fleet.query("SELECT DISTINCT attempts FROM ticket_steps") == [(1,)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_failed_tickets_are_replayed_with_one_command_once_their_cause_is_repaired(fleet, sessions):
    create_article(sessions, DEFAULT_TENANT, NewArticle("Reset your password", "Choose the reset link."))
    break_knowledge, repair_knowledge = "ALTER TABLE articles RENAME TO lost", "ALTER TABLE lost RENAME TO articles"
    with sessions.begin() as session:
        session.execute(text(break_knowledge))
    for name in ("one", "two"):
        worker = fleet.stack.enter_context(start_worker(fleet.env, name, fleet.directory / f"{name}.log"))
        worker.wait_for_log("ready.")
    fleet.submit(DEAD_LETTERS)
    failed = "SELECT count(*) FROM tickets WHERE status = 'failed' AND next_step = 'research'"
    wait_until(lambda: fleet.query(failed) == [(DEAD_LETTERS,)], 600, fleet.describe)
    finished, executed = list_finished(fleet), count_executions(fleet)

    listed = run(fleet.env, "dead", "list", "--step", "research", "--json")
    with sessions.begin() as session:
        session.execute(text(repair_knowledge))
    replayed = run(fleet.env, "dead", "replay", "--error-class", "TransientError")
    fleet.wait_for_completed(DEAD_LETTERS, 600)

    assert len(listed.stdout.splitlines()) == DEAD_LETTERS
    assert (replayed.returncode, replayed.stdout) == (0, f"{DEAD_LETTERS} replayed\n")
    assert Counter(step for _, step, *_ in list_finished(fleet)) == dict.fromkeys(ticket_plan().order, DEAD_LETTERS)
    assert Counter(step for _, step, *_ in finished) == {"classify": DEAD_LETTERS, "extract": DEAD_LETTERS}
    assert set(finished) < set(list_finished(fleet))
    again = count_executions(fleet)
    assert (again["classify"], again["extract"]) == (executed["classify"], executed["extract"])
    assert run(fleet.env, "dead", "list").stderr == "there are no such failed tickets\n"


def list_finished(fleet) -> list[tuple[Any, ...]]:
    """List every row of the ledger."""
    rows = fleet.query("SELECT ticket_id, step, round, attempts, finished_at, superseded_at FROM ticket_steps")
    return [tuple(row) for row in rows]


def count_executions(fleet) -> dict[str, int]:
    """Count how often each step was begun."""
    return dict(fleet.query("SELECT step, count(*) FROM ticket_events WHERE type = 'step.started' GROUP BY 1"))


@pytest.mark.parametrize("command", ["queues", "dispatch"])
def test_a_broker_that_is_away_is_one_line_and_code_1(database_url, command):
    done = run({"TICKETFLOW_DATABASE_URL": database_url} | NOBODY, command)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(
        "error: the broker does not answer: OperationalError: [Errno 111] Connection refused; "
    )
    assert done.stderr.endswith("check TICKETFLOW_BROKER_URL\n")


def test_a_database_that_is_away_is_one_line_and_code_1(broker_url):
    env = {"TICKETFLOW_DATABASE_URL": "postgresql://127.0.0.1:1/x", "TICKETFLOW_BROKER_URL": broker_url}

    for command in (["queues"], ["dispatch"], ["tickets", "pause"]):
        done = run(env, *command)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("error: the database does not answer")


def test_queues_that_nobody_has_declared_are_said_to_be_missing(database_url, broker_url):
    env = {"TICKETFLOW_DATABASE_URL": database_url, "TICKETFLOW_BROKER_URL": broker_url}

    assert {step["ready"] for step in read_queues(env)["steps"]} == {None}
    assert "no queue" in run(env, "queues").stdout


@pytest.mark.embedded
def test_the_commands_work_on_the_embedded_default(embedded_system):
    ticket_id = embedded_system.submit(not_before="2199-01-01T00:00:00Z")

    shown = json.loads(run_celery(embedded_system, "queues", "--json"))
    cancelled = run_celery(embedded_system, "tickets", "cancel", ticket_id)

    assert {step["consumers"] for step in shown["steps"]} == {1}
    assert cancelled.startswith(f"{ticket_id}  cancelled")
    assert embedded_system.wait(ticket_id, "cancelled")["current_step"] == "classify"
    assert "published, 0 unsent" in run_celery(embedded_system, "dispatch")
