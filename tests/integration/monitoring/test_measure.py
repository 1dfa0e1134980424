"""Measures of the whole system, over a real database."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, text, update

from ticketflow.monitoring.system_metrics import measure_system
from ticketflow.storage.models import EVERY_TENANT, Ticket
from ticketflow.storage.pauses import record_pause
from ticketflow.storage.workers import HungStep, record_hung, record_worker

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def measure(sessions):
    return lambda: measure_system(sessions.kw["bind"], AN_HOUR)


def make_due(sessions, seconds: float) -> None:
    with sessions.begin() as session:
        session.execute(update(Ticket).values(wake_at=func.now() - timedelta(seconds=seconds)))


def test_nothing_is_measured_where_there_is_nothing(measure):
    measures = measure()

    assert (measures.live, measures.failed, measures.pauses) == ([], 0, {})
    assert (measures.capacity.workers, measures.capacity.slots) == (0, 0)


def test_due_tickets_are_the_backlog_until_they_are_out(sessions, submit, dispatch, measure):
    submit()
    submit(priority="urgent")
    make_due(sessions, 90)
    waiting = measure()
    dispatch()

    out = measure()

    assert [(row.status, row.priority, row.due, row.in_flight) for row in waiting.live] == [
        ("queued", 1, 1, 0),
        ("queued", 3, 1, 0),
    ]
    assert all(90 <= row.oldest_due_s < 150 for row in waiting.live)
    assert [(row.due, row.oldest_due_s, row.in_flight) for row in out.live] == [(0, 0, 1), (0, 0, 1)]


def test_paused_tickets_are_no_backlog(sessions, submit, measure):
    submit()
    make_due(sessions, 90)
    with sessions.begin() as session:
        record_pause(session, EVERY_TENANT, "read", None)

    measures = measure()

    assert [(row.count, row.due, row.oldest_due_s) for row in measures.live] == [(1, 0, 0)]
    assert measures.pauses == {"read": 1}


def test_failed_tickets_of_all_tenants_are_counted(sessions, submit, measure):
    for tenant in ("one", "two", "two"):
        ticket_id = submit()
        with sessions.begin() as session:
            values = {"tenant": tenant, "status": "failed", "wake_at": None}
            session.execute(update(Ticket).where(Ticket.id == ticket_id).values(**values))

    assert measure().failed == 3


def test_workers_count_while_they_show_that_they_consume(sessions, measure):
    with sessions.begin() as session:
        record_worker(session, "here", 4, 0.1)
        record_worker(session, "gone", 8, 0.1)
        session.execute(text("UPDATE workers SET seen_at = now() - interval '2 h' WHERE name = 'gone'"))

    capacity = measure().capacity

    assert (capacity.workers, capacity.slots) == (1, 4)


def test_a_schema_that_is_behind_is_not_measured(sessions, measure):
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    assert measure() is None


def test_steps_that_do_not_come_back_are_counted_by_their_name(sessions, measure):
    steps = ["draft", "draft", "review"]
    with sessions.begin() as session:
        record_worker(session, "one@host", 4, 0)
        record_hung(session, "one@host", [HungStep("one@host", uuid4(), step, 1.0) for step in steps])

    assert measure().hung == {"draft": 2, "review": 1}
