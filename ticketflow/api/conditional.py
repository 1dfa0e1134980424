"""Versions over HTTP: ``ETag``, ``If-None-Match`` and ``If-Match`` (RFC 9110 §13)."""

import re
from http import HTTPStatus
from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest, PreconditionRequired

from ticketflow.errors import VersionConflictError

ETAG_HEADER = {"ETag": {"description": "The version, quoted.", "schema": {"type": "string", "example": '"7"'}}}
IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` you read. Left out, the change overwrites whatever is there.",
    "schema": {"type": "string"},
}


NEEDED_IF_MATCH = {
    **IF_MATCH,
    "description": "The `ETag` you read: what you decide on must be what is there.",
    "required": True,
}
_VERSION = re.compile(r"[0-9]{1,18}")  # int() refuses thousands of digits


def build_etag(version: int) -> dict[str, str]:
    """Build the ``ETag`` header of a version."""
    return {"ETag": f'"{version}"'}


def answer_unless_known(shown: Any, version: int) -> Any:
    """Answer a GET with something versioned, or 304 when the caller has this version already."""
    headers = build_etag(version)
    if request.if_none_match.contains_weak(str(version)):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return shown, HTTPStatus.OK, headers


def read_if_match() -> int | None:
    """Return the version the caller changes; ``None`` when any will do.

    Raises:
        BadRequest: Several versions are named.
        VersionConflictError: What is named is not a version of ours.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set()
    if len(tags) > 1:
        raise BadRequest("If-Match: name one version")
    version = next(iter(tags), None) or ""  # Werkzeug reads an empty tag as None
    if not _VERSION.fullmatch(version):
        raise VersionConflictError('If-Match names no version; send the ETag as you got it, such as "7"')
    return int(version)


def require_if_match() -> int:
    """Return the version the caller changes, of something nobody may change unseen.

    Raises:
        PreconditionRequired: None is named.
        BadRequest: Several versions are named.
        VersionConflictError: What is named is not a version of ours.
    """
    version = read_if_match()
    if version is None:
        raise PreconditionRequired('send If-Match with the ETag of the ticket you read, such as "7"')
    return version
