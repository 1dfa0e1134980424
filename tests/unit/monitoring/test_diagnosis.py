from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from ticketflow.cli.doctor import describe, judge_away, rank
from ticketflow.monitoring import flow, machine
from ticketflow.monitoring.database import judge_deliveries, judge_endpoint, judge_exporter, judge_schema
from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.monitoring.flow import Flow, judge_failed, judge_flow
from ticketflow.monitoring.workers import BrokerReading, judge_broker, judge_workers
from ticketflow.settings import Settings
from ticketflow.storage.clocks import Jump
from ticketflow.storage.migrate import SchemaAge
from ticketflow.storage.statistics import Due, FailingEndpoint, FailureKind, StepTries
from ticketflow.storage.webhook_deliveries import WebhookMeasure
from ticketflow.storage.workers import Capacity, SeenWorker

SERVERS = Settings(database_url="postgresql://db/x", broker_url="amqp://mq//")
QUEUES = {"steps.classify": 1, "steps.draft": 1}
WEBHOOK = UUID("018f6f2e-0000-7000-8000-00000000000b")


def measure(**changes) -> Flow:
    """Describe a system in which nothing waits."""
    return Flow(
        **{
            "due": Due(0, 0),
            "in_flight": 2,
            "unclaimed": 0,
            "capacity": Capacity(1, 4, timedelta()),
            "window": 16,
            **changes,
        }
    )


def alerts(findings) -> list[str | None]:
    return [finding.alert for finding in findings]


def seen(name: str = "one@host", silent_s: float = 3) -> SeenWorker:
    return SeenWorker(name, 4, silent_s)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"due": Due(3, 5)}, []),
        ({"due": Due(3, 60)}, ["DispatcherLag"]),
        ({"due": Due(3, 60), "in_flight": 16}, []),
        ({"due": Due(3, 600), "in_flight": 16}, ["OldestDueTooOld"]),
        ({"unclaimed": 4}, ["TicketsNotFlowing"]),
    ],
)
def test_what_waits_too_long_is_told(changes, expected):
    assert alerts(judge_flow(measure(**changes))) == expected


def test_failed_tickets_are_told_with_their_commonest_errors():
    kinds = [
        FailureKind("draft", "TransientError", 7),
        *(FailureKind("review", f"Error{number}", 1) for number in range(4)),
    ]

    summary = judge_failed(kinds).summary

    assert summary.startswith("11 tickets failed: TransientError at draft (7), Error0 at review (1)")
    assert "and 2 more kinds" in summary


@pytest.mark.parametrize(
    ("done", "failed", "expected"), [(5, 5, True), (1, 4, False), (95, 5, False), (0, 100, True), (90, 10, False)]
)
def test_a_step_fails_when_more_than_a_tenth_of_its_tries_do(done, failed, expected):
    assert flow.is_failing(StepTries("draft", done, failed)) is expected


@pytest.mark.parametrize(
    ("broker", "workers", "expected"),
    [
        (BrokerReading(None, frozenset({"one@host"}), QUEUES), [seen()], []),
        (BrokerReading(None, frozenset(), dict.fromkeys(QUEUES, 0)), [], ["WorkerGone"]),
        (BrokerReading(None, frozenset(), dict.fromkeys(QUEUES)), [], ["WorkerGone"]),
        (BrokerReading(None, frozenset({"one@host"}), QUEUES), [seen(), seen("two@host", 90)], ["WorkerGone"]),
        (BrokerReading(None, frozenset({"one@host"}), QUEUES), [seen(silent_s=90)], ["ConnectedNotConsuming"]),
        (
            BrokerReading(None, frozenset({"one@host"}), QUEUES | {"steps.draft": 0}),
            [seen()],
            ["ConnectedNotConsuming"],
        ),
        (
            BrokerReading(None, frozenset({"one@host"}), QUEUES | {"steps.draft": None}),
            [seen()],
            ["ConnectedNotConsuming"],
        ),
        (BrokerReading("low on memory"), [seen(silent_s=90)], []),
    ],
)
def test_workers_are_judged_by_what_broker_and_database_say_together(broker, workers, expected):
    assert alerts(judge_workers(broker, workers, SERVERS)) == expected


def test_on_the_embedded_default_one_command_starts_everything():
    nobody = BrokerReading(None, frozenset(), dict.fromkeys(QUEUES, 0))

    findings = [*judge_workers(nobody, [], Settings()), judge_away("DatabaseAway", "away", OSError("gone"), Settings())]

    assert {finding.command for finding in findings} == {"ticketflow up"}


def test_a_brokers_alarm_and_unread_dead_letters_are_told():
    alarm, dead = judge_broker(BrokerReading("low on memory", dead=3))

    assert (alarm.alert, alarm.severity) == ("BrokerAlarm", Severity.CRITICAL)
    assert "low on memory" in alarm.summary
    assert (dead.alert, dead.severity) == ("DeadLetters", Severity.NOTE)


@pytest.mark.parametrize("age", [SchemaAge.EMPTY, SchemaAge.BEHIND])
def test_a_database_that_lacks_migrations_is_upgraded(age):
    assert judge_schema(age).command == "ticketflow db upgrade"


def test_a_database_of_a_newer_version_is_not():
    assert judge_schema(SchemaAge.AHEAD).command != "ticketflow db upgrade"


def test_a_missing_exporter_is_no_more_than_a_note():
    assert [finding.severity for finding in judge_exporter(0)] == [Severity.NOTE]
    assert list(judge_exporter(1)) == []


@pytest.mark.parametrize(
    ("reason", "command"),
    [(None, f"ticketflow webhooks test {WEBHOOK}"), ("failing", f"ticketflow webhooks enable {WEBHOOK}")],
)
def test_an_endpoint_that_takes_nothing_is_tried_or_switched_on(reason, command):
    assert judge_endpoint(FailingEndpoint(WEBHOOK, 5, reason)).command == command


@pytest.mark.parametrize(("by_s", "way"), [(3600.0, "forward by 3600 s"), (-5.0, "back by 5 s")])
def test_a_jump_of_the_databases_clock_is_told(by_s, way):
    finding = machine.judge_jumps([Jump(datetime.now(UTC), by_s)])

    assert (finding.alert, way in finding.summary) == ("ClockJumped", True)


@pytest.mark.parametrize(("age_s", "expected"), [(0, []), (299, []), (301, ["WebhooksLate"])])
def test_webhooks_nobody_sends_are_told(age_s, expected):
    assert alerts(judge_deliveries(WebhookMeasure(1, age_s, 0))) == expected


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"auth": False, "host": "0.0.0.0"}, "asks for no key"),  # noqa: S104
        ({"failpoints": {"commit.after": "kill"}}, "TICKETFLOW_FAILPOINTS"),
        ({"database_url": "postgresql://db/x"}, "TICKETFLOW_BROKER_URL"),
    ],
)
def test_settings_that_are_hardly_ever_meant_are_told(settings, word):
    assert [word in finding.summary for finding in machine.judge_settings(Settings(**settings))] == [True]


@pytest.mark.parametrize("settings", [{}, {"auth": False}, {"host": "0.0.0.0"}])  # noqa: S104
def test_settings_that_are_fine_are_not(settings):
    assert list(machine.judge_settings(Settings(**settings))) == []


@pytest.mark.parametrize(("free", "expected"), [(0.5, []), (0.09, [Severity.WARNING]), (0.02, [Severity.CRITICAL])])
def test_a_disk_that_fills_up_is_told(free, expected, monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(total=100, free=100 * free))

    assert [finding.severity for finding in machine.judge_disk(Path("/no/such/folder"))] == expected


@pytest.mark.parametrize(("ahead_s", "way"), [(60, "behind"), (-60, "ahead of")])
def test_clocks_that_differ_are_told(ahead_s, way):
    (finding,) = machine.judge_clock(datetime.now(UTC) + timedelta(seconds=ahead_s))

    assert way in finding.summary


def test_the_worst_comes_first_and_what_follows_from_it_is_left_out():
    found = [
        Finding(Severity.NOTE, "a", "b", "c"),
        build_finding(Severity.WARNING, "DeadLetters", "d"),
        build_finding(Severity.CRITICAL, "DispatcherLag", "e"),
        build_finding(Severity.CRITICAL, "BrokerAway", "f"),
    ]

    assert alerts(rank(found)) == ["BrokerAway", "DeadLetters", None]


def test_a_finding_is_one_line_with_command_and_section():
    line = describe(build_finding(Severity.WARNING, "DeadLetters", "two\nlines"))

    assert line == (
        "warning   two lines; run: celery -A ticketflow.tasks dead replay --all  (docs/runbook.md#deadletters)"
    )
