"""Gives every request an id, binds it to its log lines, and logs how the request ended."""

import re
import time
from uuid import uuid4

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

HEADER = "X-Request-ID"
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
# Asked every few seconds by machines; of no interest to people.
_QUIET = frozenset({"/healthz", "/readyz"})


def install_request_log(app: Flask) -> None:
    """Log every request of an application."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _SANE_ID.fullmatch(given) else uuid4().hex
    g.started_s = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    write = log.debug if request.path in _QUIET else log.info
    write(
        "request.finished",
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_s=round(time.perf_counter() - g.started_s, 4),
    )
    return response
