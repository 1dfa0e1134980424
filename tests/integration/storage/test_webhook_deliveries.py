"""Deliveries: who is told of what, who may send it when, and what a report changes."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.storage.rows import (
    DAY,
    HOUR,
    NOW,
    SECOND,
    TICK,
    add_delivery,
    add_endpoint,
    add_event,
    add_ticket,
    change,
    reread,
)
from ticketflow.errors import ConflictError, NotFoundError
from ticketflow.storage.models.webhooks import WebhookDelivery
from ticketflow.storage.webhook_deliveries import (
    FAILING,
    FIRST_REST,
    FIRST_WAIT,
    LAST_REST,
    LAST_WAIT,
    ClaimedDelivery,
    FailedAttempt,
    RetryPolicy,
    Setback,
    claim_deliveries,
    delete_old_deliveries,
    erase_deliveries,
    get_delivery,
    measure_webhooks,
    page_deliveries,
    record_deliveries,
    record_failure,
    record_success,
    record_test,
    requeue_delivery,
)

PATIENCE = RetryPolicy(3 * DAY, 5 * DAY)
FAILED = FailedAttempt("no answer", 503)
LEASE = timedelta(seconds=30)
DELIVERED = {"status": "delivered", "next_attempt_at": None, "finished_at": NOW}
WELL = {"failures": 0, "failing_since": None, "rests_until": None}


@pytest.fixture
def endpoint(session):
    return add_endpoint(session)


@pytest.fixture
def now(session):
    return session.scalar(select(func.now()))


def claim(session, limit=10, share=10, busy=None) -> list[ClaimedDelivery]:
    return claim_deliveries(session, limit, share, LEASE, busy or {})


def claim_one(session) -> ClaimedDelivery:
    (claimed,) = claim(session)
    return claimed


# Who is told of what.


def test_each_endpoint_that_is_there_enabled_and_wants_to_know_is_told_once(session, endpoint):
    second = add_endpoint(session, events=["ticket.failed", "ticket.completed"])
    add_endpoint(session, events=["ticket.failed"])
    add_endpoint(session, enabled=False)
    add_endpoint(session, deleted_at=NOW)
    add_endpoint(session, tenant="other")
    ticket = add_ticket(session, status="completed", state={"result": {"resolution": "answered"}})
    event = add_event(session, ticket, "ticket.completed", created_at=NOW - HOUR)
    add_event(session, ticket, "ticket.failed")

    record_deliveries(session, ticket.id, event.id)

    told = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.endpoint_id)).all()
    assert [(each.endpoint_id, each.ticket_id, each.event_id, each.tenant) for each in told] == [
        (each.id, ticket.id, event.id, "default") for each in (endpoint, second)
    ]
    assert {(each.type, each.occurred_at, each.status) for each in told} == {
        ("ticket.completed", event.created_at, "pending")
    }
    assert all(each.id.version == 7 for each in told)


@pytest.mark.parametrize(("status", "resolution"), [("completed", "answered"), ("failed", None), ("cancelled", None)])
def test_the_resolution_is_told_of_completed_tickets_alone(session, endpoint, status, resolution):
    ticket = add_ticket(
        session, status=status, version=7, external_id="T-1", state={"result": {"resolution": "answered"}}
    )
    event = add_event(session, ticket, f"ticket.{status}")

    record_deliveries(session, ticket.id, event.id)

    assert session.scalars(select(WebhookDelivery.payload)).one() == {
        "ticket_id": str(ticket.id),
        "external_id": "T-1",
        "status": status,
        "version": 7,
        "resolution": resolution,
    }


def test_a_line_of_the_trail_that_nobody_is_told_of_makes_no_delivery(session, endpoint):
    ticket = add_ticket(session)

    record_deliveries(session, ticket.id, add_event(session, ticket, "step.completed").id)

    assert session.scalar(select(func.count()).select_from(WebhookDelivery)) == 0


# Who may send what, and when.


def test_a_claim_takes_what_is_due_and_marks_it_as_being_sent(session, endpoint, now):
    ticket = add_ticket(session, request_id="req-1")
    delivery = add_delivery(session, endpoint, attempts=2, ticket_id=ticket.id, payload={"a": 1})

    claimed = claim_one(session)

    assert (claimed.id, claimed.endpoint_id, claimed.url) == (delivery.id, endpoint.id, endpoint.url)
    assert (claimed.attempt, claimed.sent_at, claimed.request_id) == (3, now, "req-1")
    assert (claimed.payload, claimed.secret, claimed.previous_secret) == ({"a": 1}, "whsec_a", None)
    sending = reread(session, delivery)
    assert (sending.status, sending.attempts, sending.next_attempt_at) == ("sending", 3, now + LEASE)
    assert claim(session) == []


@pytest.mark.parametrize(
    ("endpoint_is", "delivery_is", "is_taken"),
    [
        ({}, {"next_attempt_at": NOW}, True),
        ({}, {"next_attempt_at": NOW + TICK}, False),
        ({}, DELIVERED, False),
        ({}, {"status": "sending"}, True),  # its sender died
        ({"rests_until": NOW}, {}, True),
        ({"rests_until": NOW + TICK}, {}, False),
        ({"enabled": False}, {}, False),
        ({"deleted_at": NOW}, {}, False),
    ],
)
def test_what_is_due_at_an_endpoint_that_takes_deliveries_is_claimed(session, endpoint_is, delivery_is, is_taken):
    add_delivery(session, add_endpoint(session, **endpoint_is), **delivery_is)

    assert len(claim(session)) == is_taken


@pytest.mark.parametrize(("until", "is_told"), [(NOW + TICK, True), (NOW, False), (None, False)])
def test_the_former_secret_signs_until_its_time_is_up(session, until, is_told):
    add_delivery(session, add_endpoint(session, previous_secret="whsec_old", previous_secret_until=until))

    assert (claim_one(session).previous_secret == "whsec_old") is is_told


def test_the_longest_due_come_first_over_all_endpoints(session, endpoint):
    other = add_endpoint(session)
    ages = [(endpoint, 1), (other, 4), (endpoint, 3), (other, 2)]
    made = {age: add_delivery(session, each, next_attempt_at=NOW - age * SECOND).id for each, age in ages}

    first = {each.id for each in claim(session, limit=2)}
    then = {each.id for each in claim(session, limit=1)}

    assert (first, then) == ({made[4], made[3]}, {made[2]})


@pytest.mark.parametrize(
    ("share", "busy", "failures", "taken"), [(3, 0, 0, 3), (3, 2, 0, 1), (3, 3, 0, 0), (3, 0, 1, 1), (3, 1, 1, 0)]
)
def test_an_endpoint_has_so_many_at_a_time_and_one_that_fails_a_single_one(session, share, busy, failures, taken):
    endpoint = add_endpoint(session, failures=failures, failing_since=NOW if failures else None)
    for age in range(5):
        add_delivery(session, endpoint, next_attempt_at=NOW - age * SECOND)
    oldest = session.scalar(select(WebhookDelivery.id).order_by(WebhookDelivery.next_attempt_at).limit(1))

    claimed = claim(session, share=share, busy={endpoint.id: busy})

    assert len(claimed) == taken
    assert not taken or oldest in {each.id for each in claimed}


def test_seats_that_are_taken_at_one_endpoint_do_not_count_at_another(session, endpoint):
    other = add_endpoint(session)
    for each in (endpoint, other):
        add_delivery(session, each)

    assert [each.endpoint_id for each in claim(session, share=1, busy={endpoint.id: 1})] == [other.id]


# What a report changes.


def test_a_success_ends_the_delivery_and_the_endpoint_s_failures(session, endpoint, now):
    change(session, endpoint, failures=2, failing_since=NOW - HOUR, rests_until=NOW - SECOND)
    other = add_endpoint(session, failures=2, failing_since=NOW - HOUR)
    delivery = add_delivery(session, endpoint, error="before")
    bystander = add_delivery(session, other, status="sending", attempts=1, next_attempt_at=NOW + HOUR)

    assert record_success(session, claim_one(session), 204)

    done = reread(session, delivery)
    assert (done.status, done.next_attempt_at, done.finished_at) == ("delivered", None, now)
    assert (done.response_status, done.error) == (204, None)
    assert {name: getattr(reread(session, endpoint), name) for name in WELL} == WELL
    assert reread(session, other).failures == 2
    assert reread(session, bystander).status == "sending"


@pytest.mark.parametrize("meanwhile", [{"attempts": 2}, {"status": "pending"}, DELIVERED])
def test_a_report_of_an_attempt_that_is_not_under_way_any_more_changes_nothing(session, endpoint, meanwhile):
    delivery = add_delivery(session, endpoint)
    claimed = claim_one(session)
    change(session, delivery, **meanwhile)
    names = ("status", "attempts", "next_attempt_at", "finished_at", "response_status", "error")
    before = [getattr(delivery, name) for name in names]

    told = record_success(session, claimed, 204), record_failure(session, claimed, FAILED, PATIENCE)

    assert told == (False, None)
    assert [getattr(reread(session, delivery), name) for name in names] == before
    assert (reread(session, endpoint).failures, endpoint.failing_since) == (0, None)


def test_a_failure_keeps_what_went_wrong_and_sets_the_clock(session, endpoint, now):
    delivery = add_delivery(session, endpoint)
    other = add_delivery(session, endpoint, status="sending", attempts=1, next_attempt_at=NOW + HOUR)
    before = other.next_attempt_at

    assert record_failure(session, claim_one(session), FAILED, PATIENCE) == Setback(is_last=False, disabled_reason=None)

    tried = reread(session, delivery)
    assert (tried.status, tried.error, tried.response_status) == ("pending", "no answer", 503)
    assert tried.finished_at is None
    assert 0.8 * FIRST_WAIT <= tried.next_attempt_at - now <= 1.2 * FIRST_WAIT
    failing = reread(session, endpoint)
    assert (failing.failures, failing.failing_since, failing.rests_until) == (1, now, now + FIRST_REST)
    assert (failing.enabled, failing.version) == (True, 1)
    assert (reread(session, other).status, other.next_attempt_at) == ("sending", before)


@pytest.mark.parametrize(
    ("age", "retry_after", "least", "most"),
    [
        (timedelta(0), 0, 4, 6),
        (HOUR, 0, 0.8 * 3600, 1.2 * 3600),
        (2 * DAY, 0, 0.8 * 21600, 1.2 * 21600),
        (timedelta(0), 900, 900, 900),
        (2 * DAY, 900, 0.8 * 21600, 1.2 * 21600),
    ],
)
def test_the_wait_is_as_long_as_it_waited_so_far_within_bounds(session, age, retry_after, least, most):
    delivery = add_delivery(session, add_endpoint(session), requested_at=NOW - age)
    asked = FailedAttempt("x", 429, retry_after=timedelta(seconds=retry_after))

    record_failure(session, claim_one(session), asked, PATIENCE)

    wait = session.scalar(select(WebhookDelivery.next_attempt_at - NOW).where(WebhookDelivery.id == delivery.id))
    assert least <= wait.total_seconds() <= most
    assert LAST_WAIT.total_seconds() == 21600


@pytest.mark.parametrize(
    ("age", "is_gone", "is_last"),
    [(3 * DAY - TICK, False, False), (3 * DAY, False, True), (timedelta(0), True, True)],
)
def test_a_delivery_is_given_up_when_its_time_is_over_or_nobody_wants_it(session, endpoint, now, age, is_gone, is_last):
    delivery = add_delivery(session, endpoint, requested_at=NOW - age)

    setback = record_failure(session, claim_one(session), FailedAttempt("x", 410, is_gone), PATIENCE)

    over = reread(session, delivery)
    assert setback.is_last is is_last
    assert (over.status, over.finished_at, over.next_attempt_at is None) == (
        ("failed", now, True) if is_last else ("pending", None, False)
    )


@pytest.mark.parametrize(
    ("failing_for", "is_gone", "reason"),
    [
        (5 * DAY - TICK, False, None),
        (5 * DAY, False, "failing"),
        (None, False, None),
        (None, True, "gone"),
        (5 * DAY, True, "gone"),
    ],
)
def test_an_endpoint_is_disabled_when_it_failed_for_days_or_says_so(session, now, failing_for, is_gone, reason):
    since = {"failures": 9, "failing_since": NOW - failing_for} if failing_for else {}
    endpoint, other = add_endpoint(session, version=4, **since), add_endpoint(session)
    add_delivery(session, endpoint)

    setback = record_failure(session, claim_one(session), FailedAttempt("x", 500, is_gone), PATIENCE)

    judged = reread(session, endpoint)
    assert setback.disabled_reason == judged.disabled_reason == reason
    assert (judged.enabled, judged.version) == (reason is None, 4 if reason is None else 5)
    assert (judged.failures, judged.failing_since) == ((10, now - failing_for) if failing_for else (1, now))
    assert (reread(session, other).enabled, other.failures) == (True, 0)


@pytest.mark.parametrize(
    ("failing_for", "rest"), [(SECOND / 2, FIRST_REST), (20 * SECOND, 20 * SECOND), (HOUR, LAST_REST)]
)
def test_an_endpoint_rests_as_long_as_it_has_failed_within_bounds(session, now, failing_for, rest):
    endpoint = add_endpoint(session, failures=1, failing_since=NOW - failing_for)
    add_delivery(session, endpoint)

    record_failure(session, claim_one(session), FAILED, PATIENCE)

    assert reread(session, endpoint).rests_until == now + rest


def test_a_failure_at_a_disabled_endpoint_does_not_enable_or_blame_it(session, endpoint):
    delivery = add_delivery(session, endpoint)
    claimed = claim_one(session)
    change(session, endpoint, enabled=False)

    assert record_failure(session, claimed, FAILED, PATIENCE) == Setback(is_last=False, disabled_reason=None)

    assert (reread(session, endpoint).enabled, endpoint.failures) == (False, 0)
    assert reread(session, delivery).status == "pending"


# Reading, sending again, forgetting.


def test_a_delivery_is_its_endpoint_s(session, endpoint):
    delivery, other = add_delivery(session, endpoint), add_endpoint(session)

    assert get_delivery(session, endpoint.id, delivery.id) is delivery
    for endpoint_id, delivery_id in ((other.id, delivery.id), (endpoint.id, endpoint.id)):
        with pytest.raises(NotFoundError):
            get_delivery(session, endpoint_id, delivery_id)
    with pytest.raises(NotFoundError):
        requeue_delivery(session, other, delivery.id)


def test_deliveries_are_paged_newest_first(session, endpoint):
    first, second, third = (add_delivery(session, endpoint, **more) for more in ({}, DELIVERED, {}))
    add_delivery(session, add_endpoint(session))

    def page(status=None, before_id=None, limit=10):
        return page_deliveries(session, endpoint.id, status, before_id, limit)

    assert page() == [third, second, first]
    assert page(limit=2) == [third, second]
    assert page(before_id=third.id) == [second, first]
    assert page(status="pending") == [third, first]


def test_what_is_sent_again_is_due_at_once_as_if_new_and_its_endpoint_rests_no_more(session, endpoint, now):
    change(session, endpoint, rests_until=NOW + HOUR)
    old = {"status": "failed", "next_attempt_at": None, "finished_at": NOW - DAY, "requested_at": NOW - 9 * DAY}
    delivery = add_delivery(session, endpoint, attempts=7, **old)

    again = requeue_delivery(session, endpoint, delivery.id)

    assert (again.id, again.status, again.finished_at, again.attempts) == (delivery.id, "pending", None, 7)
    assert (again.next_attempt_at, again.requested_at) == (now, now)
    assert reread(session, endpoint).rests_until is None


def test_what_is_being_sent_is_not_sent_again(session, endpoint):
    delivery = add_delivery(session, endpoint)
    claim_one(session)

    with pytest.raises(ConflictError, match="being sent"):
        requeue_delivery(session, endpoint, delivery.id)


def test_a_test_is_due_at_once_and_names_its_webhook(session, now):
    endpoint = add_endpoint(session, tenant="other")

    delivery = record_test(session, endpoint)

    assert (delivery.tenant, delivery.endpoint_id, delivery.type) == ("other", endpoint.id, "webhook.test")
    assert (delivery.payload, delivery.status) == ({"webhook_id": str(endpoint.id)}, "pending")
    assert (delivery.next_attempt_at, delivery.requested_at) == (now, now)


def test_the_deliveries_of_one_endpoint_are_erased(session, endpoint):
    other = add_endpoint(session)
    for each in (endpoint, endpoint, other):
        add_delivery(session, each)

    erase_deliveries(session, endpoint.id)

    assert session.scalars(select(WebhookDelivery.endpoint_id)).all() == [other.id]


def test_deliveries_that_ended_longer_ago_are_forgotten(session, endpoint):
    kept = [
        add_delivery(session, endpoint, **DELIVERED | {"finished_at": NOW - DAY}),
        add_delivery(session, endpoint, requested_at=NOW - 2 * DAY, next_attempt_at=NOW - 2 * DAY),
    ]
    add_delivery(session, endpoint, **DELIVERED | {"finished_at": NOW - DAY - TICK})

    assert delete_old_deliveries(session, DAY) == 1

    assert set(session.scalars(select(WebhookDelivery.id))) == {each.id for each in kept}


def test_what_waits_is_measured_at_enabled_endpoints_and_its_age_where_they_answer(session):
    resting = {"failures": FAILING, "failing_since": NOW - HOUR, "rests_until": NOW + HOUR}
    for state, age in [
        ({}, 10),
        ({}, 20),
        ({"failures": FAILING - 1, "failing_since": NOW}, 30),
        (resting, 40),
        ({"enabled": False} | resting, 50),
        ({"deleted_at": NOW} | resting, 60),
    ]:
        endpoint = add_endpoint(session, **state)
        for _ in range(2):
            add_delivery(session, endpoint, next_attempt_at=NOW - age * SECOND)
        add_delivery(session, endpoint, **DELIVERED)

    measured = measure_webhooks(session)

    assert (measured.pending, measured.oldest_due_age_s, measured.failing_endpoints) == (8, 30.0, 1)


def test_nothing_that_waits_has_no_age_and_neither_has_what_is_not_due_yet(session, endpoint):
    empty = measure_webhooks(session)
    add_delivery(session, endpoint, next_attempt_at=NOW + HOUR)

    assert (empty.pending, empty.oldest_due_age_s, empty.failing_endpoints) == (0, 0.0, 0)
    assert measure_webhooks(session).oldest_due_age_s == 0.0
