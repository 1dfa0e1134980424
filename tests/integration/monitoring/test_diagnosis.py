"""What the database knows of failures; how it is judged is in tests/unit/monitoring/test_diagnosis.py."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.served import Served
from ticketflow.monitoring.database import diagnose_database
from ticketflow.services.dispatch_due import DispatchLimits
from ticketflow.services.pauses import pause_step
from ticketflow.storage.migrate import downgrade
from ticketflow.storage.workers import HungStep, record_hung, record_worker

LIMITS = DispatchLimits(max_in_flight=100, redispatch_after=timedelta(seconds=30))


@pytest.fixture
def served(sessions) -> Served:
    return Served(sessions)


def find(sessions) -> dict[str | None, str]:
    """Return what is found, by alert."""
    return {finding.alert: finding.summary for finding in diagnose_database(sessions, LIMITS).findings}


def execute(sessions, statement: str) -> None:
    with sessions.begin() as session:
        session.execute(text(statement))


def test_a_new_database_lacks_an_exporter_and_nothing_else(sessions):
    assert set(find(sessions)) == {"ExporterAway"}


@pytest.mark.parametrize(("revision", "word"), [("base", "no tables"), ("-1", "lacks migrations")])
def test_missing_migrations_are_all_that_is_told(sessions, database_url, revision, word):
    downgrade(database_url, revision)

    found = find(sessions)

    assert set(found) == {"MigrationBehind"}
    assert word in found["MigrationBehind"]


def test_migrations_of_a_newer_version_are_no_reason_to_look_no_further(sessions):
    execute(sessions, "UPDATE alembic_version SET version_num = '9999'")

    assert "of a newer version" in find(sessions)[None]
    assert "ExporterAway" in find(sessions)


def test_tickets_at_steps_that_this_version_does_not_know_are_told(sessions, served):
    for _ in range(3):
        served.submit()
    execute(sessions, "UPDATE tickets SET graph_version = 99")
    execute(
        sessions,
        "UPDATE tickets SET graph_version = 1, next_step = 'polish' WHERE id = (SELECT id FROM tickets LIMIT 1)",
    )

    assert find(sessions)[None].startswith(
        "3 tickets stand at steps that this version does not know: classify of graph version 99 (2),"
        " polish of graph version 1 (1);"
    )


def test_tickets_that_nobody_publishes_are_told_unless_they_are_paused(sessions, served):
    served.submit()
    execute(sessions, "UPDATE tickets SET wake_at = now() - interval '10 min'")

    before = find(sessions)
    pause_step(sessions, "classify", reason="repairs")
    after = find(sessions)

    assert {"DispatcherLag", "OldestDueTooOld"} < set(before)
    assert set(after) == {"ExporterAway", "PauseForgotten"}
    assert "classify is paused for every tenant" in after["PauseForgotten"]
    assert "(repairs)" in after["PauseForgotten"]


def test_tickets_published_in_vain_are_told(sessions, served):
    served.submit()
    execute(sessions, "UPDATE tickets SET is_in_flight = true, dispatches = 2, wake_at = now() + interval '1 min'")

    assert find(sessions)["TicketsNotFlowing"].startswith("1 ticket was published again and again")


def test_tickets_that_failed_are_told_with_step_and_error(sessions, served):
    for _ in range(2):
        served.fail(served.submit()["id"])

    assert "2 tickets failed: PermanentError at research (2)" in find(sessions)["DeadLetters"]


def test_steps_and_tickets_that_fail_too_often_are_told(sessions, served):
    for _ in range(10):
        served.fail(served.submit()["id"])

    found = find(sessions)

    assert found["StepFailureRate"] == "research failed in 10 of its last 10 tries"
    assert found["CompletionBudgetBurnFast"].startswith("10 of the last 10 tickets failed")


def test_a_decision_that_is_due_soon_is_told(sessions, served):
    served.propose(served.submit()["id"])
    execute(sessions, "UPDATE tickets SET wake_at = now() + interval '10 min'")

    assert "about 1 draft runs out" in find(sessions)[None]


def test_a_model_that_does_not_answer_is_told(sessions, served):
    served.finish(served.submit()["id"])
    execute(sessions, "INSERT INTO llm_providers VALUES ('openai', 1, now(), now() + interval '90 s')")
    spoken = '[{"engine": "llm/writer", "failure": "no answer"}]'
    execute(sessions, f"UPDATE ticket_steps SET engines = '{spoken}' WHERE step = 'draft'")

    assert find(sessions)["FallbackInUse"].endswith("instead of llm/writer 1 times lately: no answer")


def hang(sessions, *hung: HungStep) -> None:
    """Have a worker that says so."""
    with sessions.begin() as session:
        record_worker(session, "one@host", 4, 0)
        record_hung(session, "one@host", hung)


def test_a_step_that_does_not_come_back_is_named_with_worker_and_ticket(sessions):
    ticket_id = uuid4()

    hang(sessions, HungStep("one@host", ticket_id, "draft", 42.0))

    assert f"worker one@host does not come back from draft of ticket {ticket_id}" in find(sessions)["StepHangs"]
    assert re.search(r"4\d s ago", find(sessions)["StepHangs"])


def test_a_step_that_came_back_hangs_no_more(sessions):
    hang(sessions, HungStep("one@host", uuid4(), "draft", 42.0))

    hang(sessions)

    assert "StepHangs" not in find(sessions)


def test_what_a_worker_said_that_has_ended_since_is_forgotten(sessions):
    hang(sessions, HungStep("one@host", uuid4(), "draft", 42.0))

    execute(sessions, "UPDATE workers SET hung_at = hung_at - interval '61 s'")

    assert "StepHangs" not in find(sessions)
