"""The thread that sends webhooks."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from tests.harness.wait import wait_until
from tests.receiver import receiving
from ticketflow.adapters.webhook_post import WebhookPost
from ticketflow.services.deliver_webhook import DeliveryLimits
from ticketflow.services.webhooks import create_webhook, read_deliveries, send_test
from ticketflow.storage.webhook_deliveries import RetryPolicy
from ticketflow.storage.webhooks import NewEndpoint
from ticketflow.tasks.deliverer import Deliverer
from ticketflow.workflow.events import WEBHOOK_EVENTS
from ticketflow.workflow.state import DEFAULT_TENANT

A_DAY = timedelta(days=1)


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def webhook_id(sessions, receiver) -> UUID:
    new = NewEndpoint(receiver.url, tuple(WEBHOOK_EVENTS.values()))
    return create_webhook(sessions, DEFAULT_TENANT, new, allow_private=True).id


def build(sessions, post=None, **limits) -> Deliverer:
    limits = DeliveryLimits(timedelta(seconds=20), RetryPolicy(A_DAY, A_DAY), A_DAY, **limits)
    return Deliverer(sessions, post or WebhookPost(20, allow_private=True), limits, poll_interval_s=0.02)


def statuses(sessions, webhook_id) -> list[str]:
    found, _ = read_deliveries(sessions, (DEFAULT_TENANT, webhook_id), None, None, 200)
    return [each.status for each in found]


def test_more_than_there_are_seats_is_sent_in_turn_and_what_is_under_way_is_finished_at_the_end(
    sessions, receiver, webhook_id
):
    for _ in range(5):
        send_test(sessions, DEFAULT_TENANT, webhook_id)
    gate = threading.Event()
    receiver.before_answer = gate.wait
    deliverer = build(sessions, seats=2, share=2)
    stopping = threading.Thread(target=deliverer.stop)

    deliverer.start()
    wait_until(lambda: len(receiver.received) == 2)
    at_most = statuses(sessions, webhook_id).count("sending")
    gate.set()
    wait_until(lambda: len(receiver.received) >= 4)
    stopping.start()
    stopping.join(30)

    assert at_most == 2
    assert not stopping.is_alive()
    assert statuses(sessions, webhook_id).count("sending") == 0
    assert statuses(sessions, webhook_id).count("delivered") == len(receiver.received)


def test_a_delivery_that_cannot_be_sent_at_all_stops_nothing(sessions, receiver, webhook_id):
    first, post = threading.Event(), WebhookPost(20, allow_private=True)

    def break_once(*request):
        if not first.is_set():
            first.set()
            raise RuntimeError("a bug")
        return post(*request)

    send_test(sessions, DEFAULT_TENANT, webhook_id)
    deliverer = build(sessions, break_once)
    deliverer.start()
    try:
        wait_until(first.is_set)
        send_test(sessions, DEFAULT_TENANT, webhook_id)
        wait_until(lambda: "delivered" in statuses(sessions, webhook_id))
    finally:
        deliverer.stop()

    assert statuses(sessions, webhook_id) == ["delivered", "sending"]
