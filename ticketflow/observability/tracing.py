"""Traces: one for each ticket, from the request it came with over every attempt of every step.

Off, and then next to nothing, unless the standard variable ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or
``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) names a collector. The other ``OTEL_*`` variables are the SDK's own.
A place in a trace is passed on as a ``traceparent`` (https://www.w3.org/TR/trace-context/#traceparent-header).
"""

import logging
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)  # ours is built on this module

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool | None]

_NAME = "ticketflow"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_HEADER = "traceparent"
_propagator = TraceContextTextMapPropagator()

_provider: "TracerProvider | None" = None
_tracer: Tracer | None = None


def start_tracing(process: str) -> None:
    """Send this process's spans to the collector that the environment names, if it names one.

    After a fork, call it in the child: the thread that sends does not survive one. Without the extra
    ``ticketflow[otel]`` a line in the log says so, and nothing is sent: the variable may be meant for others.

    Args:
        process: What tells this process from the others, as in its log lines.
    """
    global _provider, _tracer  # noqa: PLW0603  # one per process is the point
    if _provider is not None or not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:  # the SDK is an extra, and too slow to load for processes that send nothing
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning("tracing.not_installed", extra={"repair": "pip install 'ticketflow[otel]'"})
        return
    named = {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", _NAME), SERVICE_INSTANCE_ID: process}
    _provider = TracerProvider(resource=Resource.create(named))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer(_NAME)


def stop_tracing() -> None:
    """Send what was not sent yet, and be off; a collector that is away is given up on after the SDK's time limit."""
    global _provider, _tracer
    stopped, _provider, _tracer = _provider, None, None
    if stopped is not None:
        stopped.shutdown()


@contextmanager
def span(
    name: str,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    *,
    parent: str | None = None,
    links: Sequence[str | None] = (),
) -> Iterator[None]:
    """Make a span of a block; an exception marks it as failed, by its class alone: its text may be a customer's.

    Args:
        attributes: What is known at the start; ``None`` is left out.
        parent: A ``traceparent``; left out, the span around this one.
        links: ``traceparent`` of spans that led to this one without being around it.
    """
    if _tracer is None:
        # OpenTelemetry's own no-op span would pass the parent on, to log lines and tickets of which there is no trace.
        yield
        return
    with _tracer.start_as_current_span(
        name,
        _read(parent) if parent else None,
        SpanKind[kind.upper()],
        _without_none(attributes or {}),
        [Link(get_current_span(_read(link)).get_span_context()) for link in links if link],
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield
        except BaseException as error:
            _fail(made, type(error).__name__)
            raise


def describe_span(attributes: Attributes, failure: str | None = None) -> None:
    """Say more about the span around this.

    Args:
        attributes: ``None`` is left out.
        failure: Marks it as failed: the class of an error, never its text.
    """
    around = get_current_span()
    around.set_attributes(_without_none(attributes))
    if failure is not None:
        _fail(around, failure)


def current_traceparent() -> str | None:
    """Write down the place of the span around this; ``None`` without one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_HEADER)


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


def _read(traceparent: str) -> Context:
    return _propagator.extract({_HEADER: traceparent})


def _fail(made: Span, failure: str) -> None:
    made.set_attribute("error.type", failure)
    made.set_status(StatusCode.ERROR, failure)


def _without_none(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}
