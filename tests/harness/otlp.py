"""A collector of traces: takes in what any OTLP/HTTP exporter sends, and decodes it."""

import gzip
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True, slots=True)
class TakenSpan:
    """A span as it arrived.

    Attributes:
        instance: The process that made it.
        kind: ``SERVER``, ``CONSUMER`` and so on.
        links: Ids of the spans it links to.
    """

    instance: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: Mapping[str, Any]
    has_failed: bool


class Collector:
    """A server on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        """Prepare it."""
        self.spans: list[TakenSpan] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self.spans))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Return what ``OTEL_EXPORTER_OTLP_ENDPOINT`` should be."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def decode(body: bytes) -> list[TakenSpan]:
    """Read the spans of one request."""
    return [
        _read(span, str(_read_attributes(sent.resource.attributes).get("service.instance.id")))
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in sent.scope_spans
        for span in scope.spans
    ]


def _read(span: Span, instance: str) -> TakenSpan:
    return TakenSpan(
        instance=instance,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple(link.span_id.hex() for link in span.links),
        attributes=_read_attributes(span.attributes),
        has_failed=span.status.code == Status.StatusCode.STATUS_CODE_ERROR,
    )


def _read_attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _read_value(pair) for pair in pairs}


def _read_value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return getattr(pair.value, kind) if kind else None


def _build_handler(spans: list[TakenSpan]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            spans.extend(decode(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
