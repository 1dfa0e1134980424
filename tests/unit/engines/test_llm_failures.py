"""What exceptions of providers' libraries mean."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from ticketflow.engines.llm.failures import (
    MAX_PAUSE_S,
    UNSAID_PAUSE_S,
    ModelBusyError,
    ModelDownError,
    ModelMisusedError,
    UnreadableAnswerError,
    judge_failure,
    read_pause,
)


def http_error(status, **headers):
    error = RuntimeError("body with the customer's words")
    error.response = SimpleNamespace(status_code=status, headers=headers)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (http_error(429), ModelBusyError),
        (http_error(529), ModelBusyError),
        (http_error(503, **{"retry-after": "3"}), ModelBusyError),
        (http_error(503), ModelDownError),
        (http_error(500), ModelDownError),
        (http_error(408), ModelDownError),
        (TimeoutError(), ModelDownError),
        (ConnectionRefusedError(), ModelDownError),
        (type("APIConnectionError", (Exception,), {})(), ModelDownError),
        (http_error(401), ModelMisusedError),
        (http_error(404), ModelMisusedError),
        (KeyError("x"), ModelMisusedError),
        (http_error(200), UnreadableAnswerError),
        (ValueError("no JSON"), UnreadableAnswerError),
        (type("LengthFinishReasonError", (Exception,), {})(), UnreadableAnswerError),
    ],
)
def test_an_error_is_judged(error, kind):
    judged = judge_failure(error)

    assert type(judged) is kind
    assert "customer" not in str(judged)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after-ms": "250", "retry-after": "12"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_a_pause_is_read(headers, pause_s):
    assert read_pause(headers) == pause_s


def test_a_pause_that_is_nonsense_has_an_end():
    assert judge_failure(http_error(429, **{"retry-after": "1e300"})).retry_after_s == MAX_PAUSE_S


def test_a_pause_may_be_a_date():
    said = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert 50 < read_pause({"Retry-After": said}) <= 60


def test_a_date_in_the_past_is_no_pause():
    assert read_pause({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


def test_a_pause_nobody_named_has_a_length():
    assert judge_failure(http_error(429)).retry_after_s == UNSAID_PAUSE_S
