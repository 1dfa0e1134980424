"""Reads bodies and queries strictly: what cannot be stored, compared or answered is refused here, by name."""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from ticketflow.api.problems import ROOT_FIELD
from ticketflow.services.valid_text import UNSTORABLE

MAX_DEPTH = 32
_INTEGERS = range(-(2**63), 2**63)


class StrictParser(FlaskParser):
    """Like webargs' own parser, but says so when a body is not JSON and when a query parameter is unknown."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}  # noqa: RUF012  # as there

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Read the body; one that is left out says nothing, where nothing in it is required.

        Raises:
            UnsupportedMediaType: It is declared as something else than JSON.
            RequestEntityTooLarge: It is longer than the application takes.
            BadRequest: It is not JSON.
            ValidationError: It holds something that could not be kept; the field is named.
        """
        body = read_body(req)
        if not body and not any(field.required for field in schema.fields.values()):
            return {}
        if req.mimetype != "application/json":
            raise UnsupportedMediaType("send the body as application/json")
        payload = parse_json(body)
        refuse_unsafe(payload)
        return payload

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Read the query; of a repeated parameter the first counts."""
        refuse_unsafe(req.args.to_dict())
        return super().load_querystring(req, schema)


def read_body(req: Request) -> bytes:
    """Read the whole body.

    Raises:
        RequestEntityTooLarge: It is longer than the application takes.
    """
    body = req.get_data()
    # Werkzeug 3.1 refuses a Content-Length that is too large, but only cuts off a chunked body.
    if req.max_content_length is not None and len(body) >= req.max_content_length and len(body) != req.content_length:
        raise RequestEntityTooLarge
    return body


def parse_json(body: bytes) -> Any:
    """Parse JSON as RFC 8259 has it: UTF-8, no ``NaN``.

    Raises:
        BadRequest: It is something else, or nested too deeply to parse.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def refuse_unsafe(payload: Any) -> None:
    """Check every value of a payload.

    Raises:
        ValidationError: One could not be stored and given back as it came; the field is named.
    """
    for path, message in _find_unsafe(payload, ()):
        raise ValidationError({".".join(path) or ROOT_FIELD: [message]})


def _find_unsafe(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if len(path) > MAX_DEPTH:
        yield path[:1], f"must not be nested deeper than {MAX_DEPTH} levels"
    elif isinstance(value, dict):
        for name, below in value.items():
            if UNSTORABLE.search(name):
                yield path, "a name in it holds a NUL or half a surrogate pair"
            yield from _find_unsafe(below, (*path, name))
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _find_unsafe(below, (*path, str(place)))
    elif message := _find_fault(value):
        yield path, message


def _find_fault(value: Any) -> str | None:
    if isinstance(value, str) and UNSTORABLE.search(value):
        return "must not hold a NUL or half a surrogate pair"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a number that a 64-bit float can hold"
    if isinstance(value, int) and value not in _INTEGERS:
        return "must be a number that a 64-bit integer can hold"
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
