"""Traces: one for each ticket, from the request it came with over every attempt of every step.

Off, and then next to nothing, unless the standard variable ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) names a collector. The other ``OTEL_*`` variables are the SDK's own.
A place in a trace is passed on as a ``traceparent`` (https://www.w3.org/TR/trace-context/#traceparent-header).
"""

import logging
import os
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from ticketflow.observability.otel import Traces

log = logging.getLogger(__name__)  # ours is built on this module

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool | None]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_traces: "Traces | None" = None


def start_tracing(process: str) -> None:
    """Send this process's spans to the collector that the environment names, if it names one.

    After a fork, call it in the child: the thread that sends does not survive one. Without the extra
    ``ticketflow[otel]`` a line in the log says so, and nothing is sent: the variable may be meant for others.

    Args:
        process: What tells this process from the others, as in its log lines.
    """
    global _traces  # noqa: PLW0603  # one per process is the point
    if _traces is not None or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from ticketflow.observability.otel import Traces  # noqa: PLC0415  # wants the extra
    except ImportError:
        log.warning("tracing.not_installed", extra={"repair": "pip install 'ticketflow[otel]'"})
        return
    _traces = Traces(process)


def stop_tracing() -> None:
    """Send what was not sent yet, and be off; a collector that is away is given up on after the SDK's time limit."""
    global _traces
    stopped, _traces = _traces, None
    if stopped is not None:
        stopped.stop()


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    *,
    parent: str | None = None,
    links: Sequence[str | None] = (),
) -> AbstractContextManager[None]:
    """Make a span of a block; an exception marks it as failed, by its class alone: its text may be a customer's.

    Args:
        attributes: What is known at the start; ``None`` is left out.
        parent: A ``traceparent``; left out, the span around this one.
        links: ``traceparent`` of spans that led to this one without being around it.
    """
    if _traces is None:
        return nullcontext()
    return _traces.span(name, kind, attributes or {}, parent, links)


def describe_span(attributes: Attributes, failure: str | None = None) -> None:
    """Say more about the span around this.

    Args:
        attributes: ``None`` is left out.
        failure: Marks it as failed: the class of an error, never its text.
    """
    if _traces is not None:
        _traces.describe(attributes, failure)


def current_traceparent() -> str | None:
    """Write down the place of the span around this; ``None`` without one."""
    return None if _traces is None else _traces.current()


def ticket_traceparent(ticket_id: UUID, stored: str | None) -> str:
    """Return what every span of a ticket is below of.

    A ticket that came in untraced, on another way than HTTP or before there was a collector, has one trace too:
    that of its own id.
    """
    return stored or f"00-{ticket_id.hex}-{ticket_id.hex[16:]}-01"


def add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put ``trace_id`` on a log line."""
    traceparent = current_traceparent()
    if traceparent is not None:
        event["trace_id"] = traceparent.split("-")[1]
    return event
