from io import StringIO

import pytest
from rich.console import Console

from ticketflow.cli.terminal import printable
from ticketflow.cli.ticket_view import (
    describe_event_line,
    describe_ticket_line,
    render_events,
    render_steps,
    render_ticket,
)

QUEUED = {
    "id": "018f6f2e-0000-7000-8000-000000000001",
    "subject": "No parcel",
    "body": "Where is [bold]1009[/bold]?\x1b[2J\u202e",
    "customer": {"email": None, "name": None},
    "status": "queued",
    "current_step": "classify",
    "category": None,
    "priority": "normal",
    "created_at": "2026-01-15T10:00:00Z",
    **dict.fromkeys(
        ["team", "confidence", "language", "sentiment", "entities", "citations", "draft", "final_response", "result"]
    ),
    "error": None,
    "forked_from": None,
    "finished_at": None,
}
COMPLETED = QUEUED | {
    "status": "completed",
    "current_step": None,
    "category": "shipping",
    "confidence": 0.914,
    "customer": {"email": "ada@example.com", "name": "Ada"},
    "entities": [{"type": "order_id", "value": "1009", "text": "1009", "field": "body", "start": 9, "end": 13}],
    "citations": [{"article_id": "1", "article_version": 2, "title": "Tracking", "quote": "Look at the label."}],
    "draft": "Look at the label.",
    "final_response": "Look at the label.",
    "result": {
        "resolution": "answered",
        "team": "Shipping",
        "revisions": 1,
        "verdict": "approve",
        "completeness": 0.5,
        "suggestions": [{"article_id": "3", "article_version": 4, "title": "Lost parcels", "confidence": 0.417}],
    },
}
FAILED = QUEUED | {"status": "failed", "error": {"class": "X", "message": "no model", "step": "draft", "attempt": 5}}
EVENT = {
    "id": 1,
    "type": "step.retrying",
    "step": "draft",
    "round": 2,
    "created_at": "2026-01-15T10:00:01.25Z",
    "detail": {"error": {"message": "busy"}, "delay_s": 1.5},
}


def shown(what) -> str:
    console = Console(file=StringIO(), width=120, color_system=None)
    console.print(what)
    return console.file.getvalue()


def test_a_ticket_nothing_is_known_of_yet_can_be_shown():
    text = shown(render_ticket(QUEUED))

    assert "queued at classify" in text
    assert "final response" not in text


@pytest.mark.parametrize(
    "expected",
    [
        "shipping (91% sure)",
        "Ada <ada@example.com>",
        "answered, 1 draft, 50% of the question addressed",
        "order_id",
        "Tracking (v2)",
        "Lost parcels (v4)",
        "42%",
        "final response",
    ],
)
def test_a_completed_ticket_shows(expected):
    assert expected in shown(render_ticket(COMPLETED))


def test_a_failed_ticket_says_why_and_where():
    assert "draft: no model" in shown(render_ticket(FAILED))


def test_a_ticket_does_not_drive_the_terminal():
    text = shown(render_ticket(QUEUED))

    assert "[bold]1009[/bold]?" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_line_breaks_and_tabs_stay():
    assert printable("a\n\tb\x00\x9b") == "a\n\tb"


def test_a_ticket_in_one_line():
    line = describe_ticket_line(COMPLETED | {"subject": "a\nb" * 50})

    assert line.startswith("018f6f2e-0000-7000-8000-000000000001  completed (answered)  shipping")
    assert line.endswith("…")
    assert "\n" not in line


def test_an_event_in_one_line():
    assert describe_event_line(EVENT) == "10:00:01.250  step.retrying          draft#2     error busy, delay_s 1.5"


def test_trail_and_ledger_as_tables():
    step = {
        "step": "draft",
        "round": 2,
        "attempts": 1,
        "duration_s": 0.25,
        "engines": [{"engine": "embedded/writer", "model": "minilm@1"}],
        "output": {"draft": "…"},
        "superseded_at": None,
    }
    undone = step | {"superseded_at": "2026-01-15T10:00:02Z"}

    assert "error busy, delay_s 1.5" in shown(render_events([EVENT]))
    assert "0.250 s" in shown(render_steps([step]))
    assert "embedded/writer minilm" in shown(render_steps([step]))
    assert [text in shown(render_steps([step, undone])) for text in ("draft#2  ", "draft#2, superseded")] == [True] * 2
