"""Pages: ``limit`` and an opaque ``cursor``, the next page in ``Link`` (RFC 8288)."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import request
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
