"""Pages: ``limit`` and an opaque ``cursor``, the next page in ``Link`` (RFC 8288)."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from marshmallow import Schema, fields, validate

from ticketflow.api.fields import WholeNumber

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# 100 tickets of 100,000 characters would be 40 MB and more.
MAX_PAGE_BYTES = 4 * 1024 * 1024

LINK_HEADER = {"Link": {"description": '`<…>; rel="next"` while there is more.', "schema": {"type": "string"}}}


class PageQuery(Schema):
    """Which page of a list."""

    limit = WholeNumber(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.UUID(load_default=None, metadata={"description": "From the `Link` of the page before."})


def answer_page(
    name: str, entry: Schema, found: Iterable[Any], *, has_more: bool, cursor: tuple[str, str] = ("cursor", "id")
) -> Response:
    """Answer with a page, and with a link to the next one if there is more.

    Args:
        name: What the entries are called in the answer.
        entry: What each of them is written by.
        cursor: The parameter that asks for the next page, and the field of the last entry it is set to.
    """
    page, has_more = fit([entry.dump(each) for each in found], has_more=has_more)
    response = jsonify({name: page})
    if has_more:
        parameter, field = cursor
        response.headers.update(build_link(**{parameter: page[-1][field]}))
    return response


def fit(found: list[dict[str, Any]], *, has_more: bool) -> tuple[list[dict[str, Any]], bool]:
    """Cut a page where it grows too large to send; the first entry goes in whatever its size.

    Returns:
        The page, and whether another follows.
    """
    size_bytes = 0
    for place, each in enumerate(found):
        size_bytes += len(json.dumps(each, ensure_ascii=False, default=str).encode())
        if place and size_bytes > MAX_PAGE_BYTES:
            return found[:place], True
    return found, has_more


def build_link(**changes: Any) -> dict[str, str]:
    """Build the ``Link`` header to this same list with some parameters changed."""
    query = urlencode({**request.args.to_dict(), **changes})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}
