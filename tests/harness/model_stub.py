"""A stand-in for a provider's server: speaks OpenAI's protocol, misbehaves on demand, notes every arrival."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request: when it came, when its answer went, in seconds on the monotonic clock, and what it got."""

    came_at: float
    answered_at: float
    status: int
    body: dict[str, Any]


Answerer = Callable[[dict[str, Any]], dict[str, Any] | Refusal]
"""Gets a request's JSON; returns what the model says, as JSON of the schema, or a refusal."""


class ModelStub:
    """A server on a free port of 127.0.0.1."""

    def __init__(self, answer: Answerer) -> None:
        """Prepare it; ``answer`` is called in a thread for each request."""
        self.answer = answer
        self.arrivals: list[Arrival] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """Return what ``TICKETFLOW_LLM_BASE_URL`` should say."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def find_shape(body: Mapping[str, Any]) -> str:
    """Return the name of the schema a request wants its answer in."""
    name: str = body["response_format"]["json_schema"]["name"]
    return name


def _build_handler(stub: ModelStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            came_at = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = stub.answer(body)
            status = said.status if isinstance(said, Refusal) else 200
            stub.arrivals.append(Arrival(came_at, time.monotonic(), status, body))
            if isinstance(said, Refusal):
                self._send(status, {"error": {"message": "no", "type": "refused"}}, said.headers)
            else:
                self._send(status, _completion(said), {})

        def _send(self, status: int, content: dict[str, Any], headers: Mapping[str, str]) -> None:
            payload = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def _completion(said: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": json.dumps(said)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "stub",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
