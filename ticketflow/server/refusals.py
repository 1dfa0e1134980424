"""What is no request is answered with a problem (RFC 9457), like everything else that goes wrong."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from gunicorn.http import errors

from ticketflow.observability.context import make_request_id
from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_DETAIL_CHARS = 200

STATUSES: Mapping[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
    # An answer's, not a request's: the application is at fault. types-gunicorn does not know them yet.
    errors.InvalidResponseHeader: HTTPStatus.INTERNAL_SERVER_ERROR,  # type: ignore[attr-defined]
    errors.InvalidResponseHeaderName: HTTPStatus.INTERNAL_SERVER_ERROR,  # type: ignore[attr-defined]
    errors.ParseException: HTTPStatus.BAD_REQUEST,
    errors.NoMoreData: HTTPStatus.BAD_REQUEST,
}


def refuse(error: Exception, client: str) -> bytes:
    """Log an error and return the answer to it; the connection ends with that."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    if status is None or status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return _fail(error, client)
    detail = "it ends too early" if isinstance(error, errors.NoMoreData) else str(error)
    return build_refusal(status, f"this is no HTTP request: {detail}", client)


def build_refusal(status: HTTPStatus, detail: str, client: str) -> bytes:
    """Log a refusal and return the whole answer."""
    request_id = make_request_id()
    detail = detail[:MAX_DETAIL_CHARS]
    log.warning("request.refused", request_id=request_id, status=int(status), client=client, detail=detail)
    return _write(status, detail, request_id)


def _fail(error: Exception, client: str) -> bytes:
    request_id = make_request_id()
    log.error("request.failed", exc_info=error, request_id=request_id, client=client)
    detail = "something went wrong here; the log tells what, under this request_id"
    return _write(HTTPStatus.INTERNAL_SERVER_ERROR, detail, request_id)


def _write(status: HTTPStatus, detail: str, request_id: str) -> bytes:
    members = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    body = json.dumps(members | {"request_id": request_id}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-ID: {request_id}\r\n\r\n"
    )
    return head.encode("ascii") + body
