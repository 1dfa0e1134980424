"""What is counted of the whole system, and of its workers; which log levels hold."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.integration.storage.rows import (
    DAY,
    HOUR,
    NOW,
    SECOND,
    TENANTS,
    TICK,
    add,
    add_endpoint,
    add_event,
    add_step,
    add_ticket,
)
from tests.toy import TOY_LINEAGE
from ticketflow.storage import statistics, workers
from ticketflow.storage.ids import new_id
from ticketflow.storage.log_levels import list_log_levels, record_log_level, remove_log_levels
from ticketflow.storage.models import LlmProvider, LogLevel, Worker
from ticketflow.storage.pauses import record_pause
from ticketflow.storage.webhook_deliveries import FAILING

AWAITING = {"status": "awaiting_approval"}
LEASED = {"status": "processing", "lease_token": new_id(), "lease_until": NOW + HOUR}
# What keeps a ticket from being due, one reason each.
NOT_DUE = [{"wake_at": NOW + TICK}, AWAITING, LEASED, {"status": "failed"}, {"status": "completed"}]


@pytest.fixture
def due_and_not(session):
    """Make a due ticket at each priority, of growing age, and others that are not due."""
    for priority in range(4):
        add_ticket(session, priority=priority, wake_at=NOW - priority * SECOND)
    for why in NOT_DUE:
        add_ticket(session, **why)


def test_what_is_due_is_counted_with_the_age_of_the_first(session, due_and_not):
    assert statistics.measure_due(session) == statistics.Due(4, 3.0)


def test_nothing_due_has_no_age(session):
    assert statistics.measure_due(session) == statistics.Due(0, 0.0)


@pytest.mark.parametrize(("tenant", "step", "count"), [("*", "read", 0), ("default", "all", 0), ("other", "all", 4)])
def test_what_is_paused_is_not_due(session, due_and_not, tenant, step, count):
    record_pause(session, tenant, step, None)

    assert statistics.measure_due(session).count == count
    assert sum(each.due for each in statistics.measure_live(session)) == count


@pytest.mark.parametrize(
    ("values", "is_unclaimed"),
    [
        ({}, True),
        ({"dispatches": 1}, False),
        ({"wake_at": NOW}, False),
        ({"is_in_flight": False}, False),
        (LEASED, False),
    ],
)
def test_tickets_that_no_worker_took_are_counted(session, values, is_unclaimed):
    add_ticket(session, **{"is_in_flight": True, "wake_at": NOW + TICK, "dispatches": 2} | values)

    assert statistics.count_unclaimed(session) == is_unclaimed


def test_failed_tickets_are_counted_by_step_and_error_over_all_tenants(session):
    for tenant, step, error in [
        ("a", "send", "X"),
        ("b", "send", "X"),
        ("c", "read", "Y"),
        ("c", "read", "X"),
    ]:
        add_ticket(session, tenant=tenant, status="failed", next_step=step, error={"class": error})
    add_ticket(session, tenant="d", status="failed", next_step=None)
    add_ticket(session, tenant="e", status="cancelled")
    add_ticket(session, tenant="e")

    assert [(each.step, each.error, each.count) for each in statistics.count_failed_by_error(session)] == [
        ("send", "X", 2),
        ("read", "X", 1),
        ("read", "Y", 1),
        ("-", "-", 1),
    ]
    assert statistics.count_failed(session) == 5


def test_tries_are_counted_by_step_within_a_time(session):
    ticket = add_ticket(session)
    for step, event, age in [
        ("send", "step.completed", HOUR - TICK),
        ("send", "step.retrying", SECOND),
        ("send", "step.failed", SECOND),
        ("send", "step.started", SECOND),
        ("send", "step.completed", HOUR),
        ("read", "step.completed", SECOND),
        (None, "ticket.completed", SECOND),
    ]:
        add_event(session, ticket, event, step=step, created_at=NOW - age)

    assert statistics.count_tries(session, HOUR) == [
        statistics.StepTries("read", 1, 0),
        statistics.StepTries("send", 1, 2),
    ]


def test_ends_are_counted_and_those_that_failed_or_took_too_long(session):
    limit = timedelta(minutes=1)
    for event, took, age in [
        ("ticket.completed", limit, SECOND),
        ("ticket.completed", limit + TICK, HOUR - TICK),
        ("ticket.failed", SECOND, SECOND),
        ("ticket.completed", SECOND, HOUR),
        ("ticket.cancelled", SECOND, SECOND),
        ("step.completed", SECOND, SECOND),
    ]:
        ticket = add_ticket(session, status="completed", created_at=NOW - took)
        add_event(session, ticket, event, created_at=NOW - age)

    assert statistics.count_ended(session, HOUR, limit) == statistics.Ended(3, 2)


def test_fallbacks_are_counted_by_engine_and_failure_the_commonest_first(session):
    def run(engines, event="step.completed", age=SECOND, step="draft"):
        ticket = add_ticket(session)
        add_step(session, ticket, "draft", engines=engines)
        add_event(session, ticket, event, step=step, created_at=NOW - age)

    late, good = {"engine": "openai", "failure": "timeout"}, {"engine": "openai"}
    run([{"engine": "local", "failure": "refused"}])
    run([late, good])
    run([late], age=HOUR - TICK)
    run([late], age=HOUR)
    run([late], event="step.retrying")
    run([late], step="review")

    assert statistics.count_fallbacks(session, HOUR) == [
        statistics.Fallback("openai", "timeout", 2),
        statistics.Fallback("local", "refused", 1),
    ]


def test_endpoints_that_take_nothing_are_listed_the_longest_first(session):
    def failing(age, **values):
        return add_endpoint(session, **{"failures": FAILING, "failing_since": NOW - age, **values}).id

    second, first = failing(SECOND), failing(DAY, enabled=False, disabled_reason="failing")
    failing(HOUR, failures=FAILING - 1)
    failing(HOUR, enabled=False)
    failing(HOUR, deleted_at=NOW)
    add_endpoint(session)

    listed = statistics.list_failing_endpoints(session)

    assert [(each.id, each.failures, each.disabled_reason) for each in listed] == [
        (first, FAILING, "failing"),
        (second, FAILING, None),
    ]


def test_approvals_that_run_out_soon_are_counted(session):
    for values in (AWAITING | {"wake_at": NOW + HOUR}, AWAITING | {"wake_at": NOW + HOUR + TICK}, {}):
        add_ticket(session, **values)

    assert statistics.count_expiring_approvals(session, HOUR) == 1


def test_blocked_providers_are_listed_with_what_is_left(session):
    for name, until in (("a", NOW + HOUR), ("b", NOW), ("c", None)):
        add(session, LlmProvider, name=name, allowance=1, blocked_until=until)

    assert statistics.list_blocked_providers(session) == {"a": 3600.0}


def test_connections_are_counted_by_name_in_this_database(session):
    assert statistics.count_connected(session, "ticketflow") >= 1
    assert statistics.count_connected(session, "somebody") == 0


def test_live_tickets_are_counted_by_status_and_priority(session, due_and_not):
    add_ticket(session, priority=3, wake_at=NOW - HOUR)
    add_ticket(session, priority=3, is_in_flight=True, wake_at=NOW + TICK)
    add_ticket(session, priority=3, is_in_flight=True, wake_at=NOW - DAY, lease_token=new_id(), lease_until=NOW)
    add_ticket(session, priority=3, wake_at=NOW + TICK)

    live = {(each.status, each.priority): each for each in statistics.measure_live(session)}

    assert live.keys() == {*(("queued", each) for each in range(4)), ("awaiting_approval", 1), ("processing", 1)}
    assert live["queued", 3] == statistics.LiveTickets("queued", 3, 5, 2, 3600.0, 1)
    assert live["queued", 1] == statistics.LiveTickets("queued", 1, 2, 1, 1.0, 0)
    assert live["awaiting_approval", 1] == statistics.LiveTickets("awaiting_approval", 1, 1, 0, 0.0, 0)
    assert live["processing", 1] == statistics.LiveTickets("processing", 1, 1, 0, 0.0, 0)


def test_live_tickets_of_several_steps_and_tenants_are_added_up_without_those_that_are_paused(session):
    for tenant, step, age in (("default", "read", 1), ("default", "send", 2), ("other", "read", 3)):
        add_ticket(session, tenant=tenant, next_step=step, wake_at=NOW - age * SECOND)
    record_pause(session, "other", "read", None)

    assert statistics.measure_live(session) == [statistics.LiveTickets("queued", 1, 3, 2, 2.0, 0)]


def test_pauses_are_counted_by_step(session):
    for tenant, step in (("default", "read"), ("other", "read"), ("*", "send")):
        record_pause(session, tenant, step, None)

    assert statistics.count_pauses(session) == {"read": 2, "send": 1}


def test_the_size_is_this_database_s(session):
    assert statistics.measure_size(session) > 1_000_000


def test_what_waits_is_measured_step_by_step(session, due_and_not):
    add_ticket(session, next_step="send", status="processing", wake_at=NOW - HOUR)
    add_ticket(session, next_step="check", status="failed")
    add_ticket(session, next_step="check", status="cancelled")

    assert statistics.measure_backlog(session) == {
        "read": statistics.Backlog(4, 3.0, 1),
        "send": statistics.Backlog(1, 3600.0, 0),
        "check": statistics.Backlog(0, None, 1),
    }


def add_worker(session, name, **values):
    return add(session, Worker, **{"name": name, "slots": 2, "queue_wait_s": 1.0, **values})


def test_workers_that_were_seen_lately_add_up(session):
    assert workers.measure_capacity(session, HOUR) == workers.Capacity(0, 0, timedelta(0))
    add_worker(session, "a", seen_at=NOW - HOUR + TICK, queue_wait_s=5.0)
    add_worker(session, "b", slots=3)
    add_worker(session, "c", seen_at=NOW - HOUR, queue_wait_s=9.0)

    assert workers.measure_capacity(session, HOUR) == workers.Capacity(2, 5, timedelta(seconds=5))


def test_a_worker_s_row_is_renewed_and_rows_of_the_long_dead_go(session):
    for name, age in (("w1", 2 * DAY), ("dead", DAY + TICK), ("silent", DAY), ("w2", HOUR)):
        add_worker(session, name, seen_at=NOW - age)

    workers.record_worker(session, "w1", 4, 2.5)
    workers.record_worker(session, "new", 1, 0.0)

    rows = {row.name: row for row in session.scalars(select(Worker), execution_options={"populate_existing": True})}
    assert rows.keys() == {"w1", "silent", "w2", "new"}
    now = session.scalar(select(NOW))
    assert (rows["w1"].slots, rows["w1"].queue_wait_s, rows["w1"].seen_at) == (4, 2.5, now)
    assert (rows["w2"].slots, rows["w2"].seen_at) == (2, now - HOUR)
    workers.delete_worker(session, "w1")
    seen = [(each.name, each.slots, each.silent_s) for each in workers.list_workers(session)]
    assert seen == [("new", 1, 0.0), ("silent", 2, 86400.0), ("w2", 2, 3600.0)]


def test_a_log_level_is_wanted_for_a_while_and_the_last_wish_counts(session):
    add(session, LogLevel, logger="over", level="debug", until=NOW)
    record_log_level(session, "a", "debug", HOUR)
    record_log_level(session, "b", "debug", HOUR)
    record_log_level(session, "a", "error", timedelta(0))
    levels = list_log_levels(session)
    record_log_level(session, "a", "warning", TICK)

    assert levels == {"b": "debug"}
    assert list_log_levels(session) == {"a": "warning", "b": "debug"}
    remove_log_levels(session)
    assert list_log_levels(session) == {}


def test_live_tickets_at_a_step_nobody_knows_are_left_behind(session):
    for tenant in TENANTS:
        add_ticket(session, tenant=tenant, next_step="read")
    known = TOY_LINEAGE.version
    left = [
        add_ticket(session, next_step="gone").id,
        add_ticket(session, next_step="read", graph_version=known + 1).id,
        add_ticket(session, next_step="gone", tenant="other").id,
    ]
    add_ticket(session, next_step="gone", status="failed")

    assert statistics.list_left_behind(session, TOY_LINEAGE) == left
    left_behind = statistics.count_left_behind(session, TOY_LINEAGE)
    assert [(each.graph_version, each.step, each.count) for each in left_behind] == [
        (known, "gone", 2),
        (known + 1, "read", 1),
    ]
