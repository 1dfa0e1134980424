"""How traces are made with OpenTelemetry; wants ``pip install 'ticketflow[otel]'``."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ticketflow.observability.tracing import Attributes, Kind

NAME = "ticketflow"
_HEADER = "traceparent"
_propagator = TraceContextTextMapPropagator()


class Traces:
    """One process's spans on their way to a collector, sent in batches from a thread."""

    def __init__(self, process: str) -> None:
        """Start sending.

        Args:
            process: What tells this process from the others.
        """
        named = {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", NAME), SERVICE_INSTANCE_ID: process}
        self._provider = TracerProvider(resource=Resource.create(named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME)

    def stop(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: str | None, links: Sequence[str | None]
    ) -> Iterator[None]:
        """Make a span of a block; see ``ticketflow.observability.tracing.span``."""
        linked = [Link(_read_span(link).get_span_context()) for link in links if link]
        with self._tracer.start_as_current_span(
            name,
            _read(parent) if parent else None,
            SpanKind[kind.upper()],
            _without_none(attributes),
            linked,
            record_exception=False,
            set_status_on_exception=False,
        ) as made:
            try:
                yield
            except BaseException as error:
                _fail(made, type(error).__name__)
                raise

    def describe(self, attributes: Attributes, failure: str | None) -> None:
        """Say more about the span around this."""
        around = get_current_span()
        around.set_attributes(_without_none(attributes))
        if failure is not None:
            _fail(around, failure)

    def current(self) -> str | None:
        """Write down the place of the span around this."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(_HEADER)


def _fail(span: Span, failure: str) -> None:
    span.set_attribute("error.type", failure)
    span.set_status(Status(StatusCode.ERROR, failure))


def _read(traceparent: str) -> Context:
    return _propagator.extract({_HEADER: traceparent})


def _read_span(traceparent: str) -> Span:
    return get_current_span(_read(traceparent))


def _without_none(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}
