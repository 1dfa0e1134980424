"""Rows and outcomes for the tests beside."""

from typing import Any

from ticketflow.evaluation.rows import Row, read_rows
from ticketflow.evaluation.run import Outcome


def build_row(**content: Any) -> Row:
    (row,) = read_rows("data.jsonl", [("line 1", {"text": "Where is my order?"} | content)])
    return row


def build_outcome(error: str | None = None, seconds: dict[str, float] | None = None, **state: Any) -> Outcome:
    return Outcome(state, seconds or {}, error)
