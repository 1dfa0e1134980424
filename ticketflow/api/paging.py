"""Pages: ``limit`` and an opaque ``cursor``, the next page in ``Link`` (RFC 8288)."""

from typing import Any
from urllib.parse import urlencode

from flask import request
from marshmallow import Schema, fields, validate

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

LINK_HEADER = {"Link": {"description": '`<…>; rel="next"` while there is more.', "schema": {"type": "string"}}}


class PageQuery(Schema):
    """Which page of a list."""

    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.UUID(load_default=None, metadata={"description": "From the `Link` of the page before."})


def build_link(**changes: Any) -> dict[str, str]:
    """Build the ``Link`` header to this same list with some parameters changed."""
    query = urlencode({**request.args.to_dict(), **changes})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}
