"""An application that says what it was asked, for tests of the server alone."""

import json
from collections.abc import Callable, Iterable
from typing import Any

LARGE = b"x" * 8_000_000


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the request, or with more than fits into a socket."""
    if environ["PATH_INFO"] == "/breaks":
        raise RuntimeError("a secret")
    body = environ["wsgi.input"].read()
    said = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "mounted": environ["SCRIPT_NAME"],
        "scheme": environ["wsgi.url_scheme"],
        "body": body.decode("latin-1"),
    }
    answer = LARGE if environ["PATH_INFO"] == "/large" else json.dumps(said).encode()
    start_response("200 OK", [("Content-Length", str(len(answer))), ("Content-Type", "application/json")])
    return [answer]
