"""A ticket of a megabyte of anything goes through the embedded engine's six steps, a second each at most."""

import time
from typing import Any

import pytest

from tests.hostile.shapes import IS_FULL, LIMIT_S, MEGABYTE, SHAPES, build_text, measure_slowness
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.finalize import finalize
from ticketflow.workflow.steps.research import research
from ticketflow.workflow.steps.review import review

STEPS: list[Any] = [classify, extract, research, draft, review, finalize]
ARTICLES = [
    ("a", "Passwords", "You can reset your password on the login page. The link is valid for one hour."),
    ("b", "Dots", "." * 40_000),
    ("c", "Questions", "!?" * 20_000),
]


@pytest.fixture(scope="module")
def tools() -> Tools:
    """Build the embedded engine over articles that are hostile themselves, and load what is loaded once."""
    built = build_embedded_tools(build_knowledge(shared_encoder(), ARTICLES))
    run_steps(built, "How do I reset my password?")
    return built


def run_steps(tools: Tools, body: str) -> dict[str, float]:
    """Run the steps in their order; return the seconds of processor time each took."""
    state: dict[str, Any] = {
        "ticket_id": "00000000-0000-0000-0000-000000000000",
        "tenant": "default",
        "subject": "How do I reset my password?",
        "body": body,
        "customer_name": None,
        "customer_email": None,
        "channel": None,
        "requested_priority": None,
        "received_at": "2026-01-15T10:00:00Z",
        "timezone": "UTC",
        "masked": [],
    }
    taken: dict[str, float] = {}
    for step in STEPS:
        began_s = time.thread_time()
        state |= step(state, tools)
        taken[step.__name__] = round(time.thread_time() - began_s, 2)
    return taken


@pytest.mark.parametrize("shape", list(SHAPES)[:: 1 if IS_FULL else 8])
def test_each_step_takes_less_than_a_second(shape, tools):
    taken = run_steps(tools, build_text(shape, MEGABYTE))

    assert max(taken.values()) < LIMIT_S or max(taken.values()) < LIMIT_S * measure_slowness(), taken
