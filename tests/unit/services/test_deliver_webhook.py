"""What goes over the wire to a webhook, and what its answer means."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ticketflow.adapters.webhook_post import Answer
from ticketflow.services.deliver_webhook import LONGEST_RETRY_AFTER_S, build_body, build_headers, judge, sign
from ticketflow.storage.webhook_deliveries import ClaimedDelivery

TICKET = UUID(int=5)
DELIVERY = ClaimedDelivery(
    id=UUID(int=1),
    tenant="t",
    endpoint_id=UUID(int=2),
    url="https://shop.example/",
    secret="whsec_AAAA",
    previous_secret=None,
    type="ticket.completed",
    payload={"status": "completed"},
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
    attempt=3,
    sent_at=datetime(2026, 2, 1, 0, 0, 0, 999_999, UTC),
    ticket_id=TICKET,
    request_id=None,
)


def test_a_message_says_what_happened_when_and_where_to_read_more():
    body = build_body(DELIVERY)

    assert json.loads(body) == {
        "type": "ticket.completed",
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "data": {
            "status": "completed",
            "links": {"ticket": f"/tickets/{TICKET}", "events": f"/tickets/{TICKET}/events"},
        },
    }
    assert b" " not in body
    assert DELIVERY.payload == {"status": "completed"}


def test_a_test_has_no_ticket_to_read():
    assert "links" not in json.loads(build_body(replace(DELIVERY, ticket_id=None)))["data"]


@pytest.mark.parametrize("previous", [None, "whsec_BBBB"])
def test_a_message_is_signed_with_each_secret_as_of_the_second_it_is_sent_in(previous):
    sent_at = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp())
    headers = build_headers(replace(DELIVERY, previous_secret=previous), b"{}")

    signed = [sign(secret, str(DELIVERY.id), sent_at, b"{}") for secret in ("whsec_AAAA", "whsec_BBBB")]
    assert headers["webhook-signature"] == " ".join(signed if previous else signed[:1])
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (str(DELIVERY.id), str(sent_at))
    assert "X-Request-ID" not in headers


def test_every_part_of_a_message_is_signed():
    as_it_is = sign("whsec_AAAA", "1", 2, b"3")

    assert as_it_is not in {sign("whsec_BBBB", "1", 2, b"3"), sign("whsec_AAAA", "2", 2, b"3")}
    assert as_it_is not in {sign("whsec_AAAA", "1", 3, b"3"), sign("whsec_AAAA", "1", 2, b"4")}


@pytest.mark.parametrize(
    ("status", "said", "is_gone"),
    [
        (199, "an error", False),
        (300, "a redirect, which is not followed", False),
        (399, "a redirect, which is not followed", False),
        (400, "an error", False),
        (409, "an error", False),
        (410, "an error", True),
        (411, "an error", False),
        (500, "an error", False),
    ],
)
def test_an_answer_that_is_no_success_means_what_its_class_says(status, said, is_gone):
    failed = judge(Answer(status))

    assert (failed.error, failed.status, failed.is_gone) == (f"the answer was {status}, {said}", status, is_gone)
    assert failed.retry_after == timedelta(0)


@pytest.mark.parametrize(
    ("asked", "granted_s"),
    [
        ("0", 0),
        ("900", 900),
        (str(LONGEST_RETRY_AFTER_S), 86_400),
        ("86401", 86_400),
        ("999999999", 86_400),
        ("1000000000", 0),  # no number of seconds that anybody means
        ("", 0),
        ("-1", 0),
        ("1.5", 0),
        ("9 ", 0),
        ("\u0663", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
    ],
)
def test_an_endpoint_is_left_alone_for_as_long_as_it_asks_up_to_a_day(asked, granted_s):
    assert judge(Answer(503, asked)).retry_after == timedelta(seconds=granted_s)
