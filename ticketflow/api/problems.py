"""Every error as a problem (RFC 9457). The one place that knows HTTP statuses of our errors."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, NamedTuple

from flask import Flask, Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from ticketflow.errors import (
    ConflictError,
    IdempotencyConflictError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
    TicketFlowError,
    TransientError,
    VersionConflictError,
)
from ticketflow.observability.logging import get_logger
from ticketflow.storage.refusals import describe_refusal, explain_refusal

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
ROOT_FIELD = "$"
RETRY_AFTER_S = "1"
# A request of 1 MB can be wrong in 100,000 places: the first of them are enough to go on with.
MAX_ERRORS = 50
MAX_TEXT_CHARS = 300
MAX_DETAIL_CHARS = 4_000


class Kind(NamedTuple):
    """A kind of problem; without a name of its own it is ``about:blank`` and titled after its status."""

    status: int
    name: str | None = None
    title: str | None = None


VALIDATION = Kind(422, "validation", "The request does not fit its schema")
INTERNAL = Kind(500)
DATABASE_AWAY = Kind(503, "unavailable", "The service cannot answer just now")

# The closest class in an error's line of ancestors decides.
KINDS: Mapping[type[BaseException], Kind] = {
    NotFoundError: Kind(404),
    ConflictError: Kind(409, "conflict", "The request does not fit the present state"),
    VersionConflictError: Kind(412, "version-conflict", "Somebody changed it meanwhile"),
    IdempotencyConflictError: Kind(409, "idempotency-conflict", "The first request is still running"),
    IdempotencyMismatchError: Kind(422, "idempotency-mismatch", "The key belongs to another payload"),
    InvalidInputError: VALIDATION,
    TransientError: DATABASE_AWAY,
    TicketFlowError: INTERNAL,
}


def install_problems(app: Flask) -> None:
    """Answer every error of an application with a problem."""
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(TicketFlowError, show_our_error)
    for away in (DBAPIError, PoolTimeoutError):
        app.register_error_handler(away, show_database_error)
    app.register_error_handler(Exception, show_unexpected_error)


def build_problem(kind: Kind, detail: str | None, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Build a problem response; what is ``None`` is left out."""
    members = {
        "type": f"/problems/{kind.name}" if kind.name else "about:blank",
        "title": kind.title or HTTPStatus(kind.status).phrase,
        "status": kind.status,
        "detail": detail and detail[:MAX_DETAIL_CHARS],
        "instance": _cut(request.path),
        **more,
    }
    body = json.dumps({name: value for name, value in members.items() if value is not None})
    return Response(body, kind.status, headers, content_type=MEDIA_TYPE)


def show_http_error(error: HTTPException) -> Response:
    """Show an error of Flask, Werkzeug or webargs, keeping headers such as ``Allow``."""
    data: Mapping[str, Any] = getattr(error, "data", None) or {}
    if "messages" in data:
        fields = list(islice(_flatten(data["messages"]), MAX_ERRORS))
        detail = "; ".join(f"{field['field']}: {field['message']}" for field in fields)
        return build_problem(VALIDATION, detail, errors=fields)
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return build_problem(Kind(error.code or 500), error.description, headers)


def show_our_error(error: TicketFlowError) -> Response:
    """Show an error raised on purpose, by its class."""
    kind = next(KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in KINDS)
    if kind is INTERNAL:
        return show_unexpected_error(error)
    may_repeat = kind is DATABASE_AWAY or isinstance(error, IdempotencyConflictError)
    return build_problem(kind, str(error), {"Retry-After": RETRY_AFTER_S} if may_repeat else None)


def show_database_error(error: Exception) -> Response:
    """Say what the database cannot do just now and when to come back; a statement that is wrong is our own fault."""
    why = explain_refusal(error)
    if why is None:
        return show_unexpected_error(error)
    log.warning("request.database_away", error=describe_refusal(error))
    detail = f"the database {why}; repeat the request"
    return build_problem(DATABASE_AWAY, detail, {"Retry-After": RETRY_AFTER_S})


def show_unexpected_error(error: Exception) -> Response:
    """Log what happened and tell only under which id the log has it."""
    log.error("request.failed", exc_info=error)
    detail = "something went wrong here; the log tells what, under this request_id"
    return build_problem(INTERNAL, detail, request_id=g.get("request_id"))


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Turn webargs' nested messages (location, fields, sentences) into one line per field."""
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            yield from _flatten(below, path if name == "_schema" else (*path, str(name)))
        return
    for message in messages if isinstance(messages, list) else [messages]:
        yield {"field": _cut(".".join(path[1:])) or ROOT_FIELD, "message": _cut(str(message))}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[: MAX_TEXT_CHARS - 1]}…"
