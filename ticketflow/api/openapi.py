"""flask-smorest as we use it: strict parsing, problems for errors, and an OpenAPI document that says so."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

import flask_smorest
from flask import Flask
from marshmallow import Schema, fields

from ticketflow import __version__
from ticketflow.api.fields import ShownSchema
from ticketflow.api.parsing import StrictParser
from ticketflow.api.problems import MEDIA_TYPE

View = TypeVar("View", bound=Callable[..., Any])

DESCRIPTION = """\
Send a support ticket, get an answer: it is classified, its facts are extracted, the knowledge base is searched, a reply
is drafted, reviewed and finalized. A ticket that was accepted (202) is never lost.

Errors are problems (RFC 9457). Lists come in pages; follow `Link: …; rel="next"`, also
where a page holds fewer than asked for: none is much larger than 4 MiB. Instants are RFC 3339 in UTC.
Every answer has an `X-Request-ID`: yours, or one that was made. It is in all log lines, events and traces that follow.

A request that got no answer, or a 503, can be sent again. With an `Idempotency-Key` nothing is done twice: the answer
to the first request comes back, with `Idempotency-Replayed: true`.
"""


class InvalidFieldSchema(ShownSchema):
    """A field that does not fit."""

    field = fields.String(required=True, metadata={"description": "Path to the field.", "example": "customer.email"})
    message = fields.String(required=True, metadata={"example": "Not a valid email address."})


class ProblemSchema(ShownSchema):
    """What went wrong (RFC 9457)."""

    type = fields.String(
        required=True, metadata={"description": "The kind of problem.", "example": "/problems/validation"}
    )
    title = fields.String(required=True, metadata={"example": "The request does not fit its schema"})
    status = fields.Integer(required=True, metadata={"example": 422})
    detail = fields.String(metadata={"example": "customer.email: Not a valid email address."})
    instance = fields.String(metadata={"description": "The path asked for.", "example": "/tickets"})
    errors = fields.List(
        fields.Nested(InvalidFieldSchema),
        metadata={"description": "Each field that does not fit; the first 50 of them."},
    )
    request_id = fields.String(metadata={"description": "What to look for in the log, after a 500."})


class Blueprint(flask_smorest.Blueprint):
    """A resource."""

    ARGUMENTS_PARSER = StrictParser()

    def problems(self, *statuses: int) -> Callable[[View], View]:
        """Document problems an operation answers with."""

        def decorate(view: View) -> View:
            for status in statuses:
                view = self.alt_response(status, HTTPStatus(status).name)(view)
            return view

        return decorate

    def header(self, parameter: Mapping[str, Any]) -> Callable[[View], View]:
        """Document a header an operation reads by itself; stands below ``arguments``."""

        def decorate(view: View) -> View:
            described: Any = view
            described._apidoc = deepcopy(getattr(view, "_apidoc", {}))  # noqa: SLF001  # where flask-smorest keeps it
            described._apidoc.setdefault("arguments", {}).setdefault("parameters", []).append(dict(parameter))  # noqa: SLF001
            return view

        return decorate


class OpenApi(flask_smorest.Api):
    """Collects resources and describes them; errors are shown by ``api.problems``."""

    ERROR_SCHEMA: ClassVar[type[Schema]] = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to ``api.problems``: flask-smorest's handler drops ``Allow`` and is not RFC 9457."""

    def _register_responses(self) -> None:
        """Document errors under the media type they really have."""
        content = {MEDIA_TYPE: {"schema": self.ERROR_SCHEMA}}
        for status in HTTPStatus:
            has_body = status >= HTTPStatus.BAD_REQUEST
            response = {"description": status.phrase, **({"content": content} if has_body else {})}
            self.spec.components.response(status.name, response, lazy=True)
        default = {"description": "Any other error", "content": content}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, default, lazy=True)

    def _register_pagination_header(self) -> None:
        """Leave out flask-smorest's own way to page; ours is ``api.paging``."""


def build_openapi(app: Flask) -> OpenApi:
    """Prepare an application for resources; the document is served at ``/openapi.json``."""
    app.config.update(
        API_TITLE="Ticket Flow",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}, "security": [{"key": []}]},
    )
    api = OpenApi(app)
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "bearerFormat": "tf_…"})
    return api
