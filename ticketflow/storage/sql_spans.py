"""Spans of SQL statements, inside the span of a request or a step; the dispatcher's own looks are part of no ticket."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from sqlalchemy import Engine, event

from ticketflow.observability.tracing import current_traceparent, span

_SPAN = "ticketflow_span"


def trace_statements(engine: Engine) -> None:
    """Make a span of each statement of an engine: its text with placeholders, never a value."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _is_many: Any) -> None:
    if current_traceparent() is None:
        return
    operation = statement.split(maxsplit=1)[0].upper()
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": statement}
    made = span(operation, "client", attributes)
    made.__enter__()
    setattr(context, _SPAN, made)


def _end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _is_many: Any) -> None:
    _leave(context, None, None, None)


def _fail(problem: Any) -> None:
    error = problem.original_exception
    _leave(problem.execution_context, type(error), error, error.__traceback__)


def _leave(
    context: Any, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    made: AbstractContextManager[None] | None = getattr(context, _SPAN, None)
    if made is not None:
        delattr(context, _SPAN)
        made.__exit__(kind, error, trace)
