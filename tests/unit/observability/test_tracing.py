"""Traces when there is nothing to send them to, and what callers send."""

import subprocess
import sys
from uuid import UUID

from ticketflow.api.request_log import find_request_id
from ticketflow.observability.tracing import current_traceparent, describe_span, span, start_tracing, ticket_traceparent

TICKET_ID = UUID("018f6f2e-0000-7000-8000-000000000001")
WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry.sdk"] = None
from ticketflow.observability.tracing import current_traceparent, span, start_tracing
start_tracing("tests")
with span("step draft"):
    assert current_traceparent() is None
"""
WITHOUT_A_COLLECTOR = """
import sys
from ticketflow.observability.tracing import current_traceparent, span, start_tracing
start_tracing("tests")
with span("step draft", parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
    assert current_traceparent() is None
assert "opentelemetry.sdk" not in sys.modules
"""


def test_without_a_collector_a_span_is_nothing():
    start_tracing("tests")

    with span("step draft", "consumer", {"ticketflow.step": "draft"}):
        describe_span({"ticketflow.attempt": 1}, failure="OSError")

        assert current_traceparent() is None


def test_without_a_collector_nothing_that_sends_is_loaded_and_a_callers_trace_is_left_alone():
    subprocess.run([sys.executable, "-c", WITHOUT_A_COLLECTOR], env={}, check=True)


def test_a_collector_without_the_extra_is_a_line_in_the_log_and_nothing_more():
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], env=env, capture_output=True, text=True, check=True
    )

    assert "tracing.not_installed" in done.stderr


def test_a_ticket_that_came_untraced_has_the_trace_of_its_id():
    assert ticket_traceparent(TICKET_ID, None) == f"00-{TICKET_ID.hex}-8000000000000001-01"


def test_a_ticket_stays_in_the_trace_it_came_with():
    came_with = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert ticket_traceparent(TICKET_ID, came_with) == came_with


def test_a_callers_id_is_kept_unless_it_is_none_or_a_card_number():
    assert find_request_id("order-desk:2026/7f3a") == "order-desk:2026/7f3a"
    for given in ("", "two words", "x" * 129, "4111111111111111", "card-4111-1111-1111-1111"):
        assert find_request_id(given) not in ("", given)
        assert len(find_request_id(given)) == 32
