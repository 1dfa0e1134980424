import threading
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import OperationalError

from ticketflow.monitoring.system_metrics import Measures, SystemCollector
from ticketflow.storage.statistics import LiveTickets
from ticketflow.storage.webhook_deliveries import WebhookMeasure
from ticketflow.storage.workers import Capacity

MEASURES = Measures(
    live=[
        LiveTickets("queued", 1, count=5, due=3, oldest_due_s=7.0, in_flight=1),
        LiveTickets("queued", 3, count=2, due=2, oldest_due_s=9.5, in_flight=0),
        LiveTickets("processing", 1, count=4, due=0, oldest_due_s=0.0, in_flight=4),
    ],
    failed=6,
    pauses={"draft": 2},
    capacity=Capacity(workers=2, slots=8, queue_wait=timedelta()),
    hung={"draft": 1},
    webhooks=WebhookMeasure(pending=3, oldest_due_age_s=1.5, failing_endpoints=1),
    clock_jumps=2,
    size_bytes=1024,
)


def test_measures_become_gauges():
    registry = register(lambda: MEASURES)

    expected = {
        ("ticketflow_tickets", "status", "queued"): 7,
        ("ticketflow_tickets", "status", "failed"): 6,
        ("ticketflow_tickets", "status", "awaiting_approval"): 0,
        ("ticketflow_backlog", "priority", "normal"): 3,
        ("ticketflow_backlog", "priority", "urgent"): 2,
        ("ticketflow_backlog", "priority", "low"): 0,
        ("ticketflow_paused", "step", "draft"): 2,
        ("ticketflow_paused", "step", "all"): 0,
        ("ticketflow_hung_steps", "step", "draft"): 1,
        ("ticketflow_hung_steps", "step", "review"): 0,
    }
    assert {key: registry.get_sample_value(key[0], {key[1]: key[2]}) for key in expected} == expected
    plain = {
        "ticketflow_in_flight": 5,
        "ticketflow_oldest_due_age_seconds": 9.5,
        "ticketflow_workers": 2,
        "ticketflow_worker_slots": 8,
        "ticketflow_webhooks_pending": 3,
        "ticketflow_webhook_endpoints_failing": 1,
        "ticketflow_clock_jumps": 2,
        "ticketflow_database_up": 1,
        "ticketflow_migration_behind": 0,
    }
    assert {name: registry.get_sample_value(name) for name in plain} == plain


def test_a_schema_that_is_behind_is_said_and_nothing_else_measured():
    registry = register(lambda: None)

    assert registry.get_sample_value("ticketflow_migration_behind") == 1
    assert registry.get_sample_value("ticketflow_database_up") == 1
    assert registry.get_sample_value("ticketflow_workers") is None


def test_a_database_that_is_away_is_said():
    def fail() -> Measures:
        raise OperationalError("SELECT 1", {}, Exception("refused"))

    registry = register(fail)

    assert registry.get_sample_value("ticketflow_database_up") == 0
    assert registry.get_sample_value("ticketflow_workers") is None


def test_a_database_that_hangs_is_asked_once_however_many_scrapes_there_are():
    answered, asked = threading.Event(), []

    def hang() -> Measures:
        asked.append(1)
        answered.wait()
        return MEASURES

    registry = register(hang, patience_s=0.01)
    ups = [registry.get_sample_value("ticketflow_database_up") for _ in range(3)]
    answered.set()

    assert (ups, len(asked)) == ([0, 0, 0], 1)


def test_a_fault_of_ours_is_no_answer():
    def stumble() -> Measures:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        register(stumble).get_sample_value("ticketflow_database_up")


def register(measure, patience_s: float = 10.0) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(SystemCollector(measure, patience_s))
    return registry
