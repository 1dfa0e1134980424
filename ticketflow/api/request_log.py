"""Gives every request an id, binds it and its client to its log lines, and logs how the request ended."""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from flask import Flask, Response, g, request

from ticketflow.api.backend import backend
from ticketflow.masking import mask_text
from ticketflow.observability import context
from ticketflow.observability.logging import get_logger
from ticketflow.observability.tracing import Attributes, describe_span, span

log = get_logger(__name__)

HEADER = "X-Request-ID"
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
# Asked every few seconds by machines; of no interest to people.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_SPAN = "ticketflow.request_span"
Address = IPv4Address | IPv6Address


def install_request_log(app: Flask) -> None:
    """Log every request of an application, and make it a span."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_leave)


def find_request_id(given: str) -> str:
    """Return the caller's id of a request, or a new one for what is no id or holds a payment number."""
    is_fit = _SANE_ID.fullmatch(given) and mask_text(given) == given
    return given if is_fit else context.make_request_id()


def _begin() -> None:
    g.request_id = find_request_id(request.headers.get(HEADER, ""))
    g.started_s = time.perf_counter()
    context.unbind()
    context.bind(request_id=g.request_id, client=find_client(request.environ, backend().settings.trusted_proxies))
    ticket_id = (request.view_args or {}).get("ticket_id")
    if ticket_id is not None:
        context.bind(ticket_id=str(ticket_id))
    request.environ[_SPAN] = spans = ExitStack()
    if request.path not in _QUIET:
        route = str(request.url_rule or "")
        spans.enter_context(
            span(
                f"{request.method} {route}".rstrip(),
                "server",
                _describe(route),
                parent=request.headers.get("traceparent"),
            )
        )


def _describe(route: str) -> Attributes:
    return {
        "http.request.method": request.method,
        "http.route": route or None,
        "url.path": request.path,
        "ticketflow.request_id": g.request_id,
    }


def _leave(_error: BaseException | None = None) -> None:
    """End the span; what a stream sends afterwards is not part of it."""
    spans: ExitStack | None = request.environ.pop(_SPAN, None)
    if spans is not None:
        spans.close()


def _finish(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    failure = str(response.status_code) if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    describe_span({"http.response.status_code": response.status_code}, failure)
    write = log.debug if request.path in _QUIET else log.info
    write(
        "request.finished",
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_s=round(time.perf_counter() - g.started_s, 4),
    )
    return response


def find_client(environ: Mapping[str, Any], trusted_proxies: Sequence[str]) -> str:
    """Return the address of the client, for the log.

    ``X-Forwarded-For`` is read from its end, where the nearest proxy wrote, for as long as what it names is a trusted
    proxy too: further up is only what somebody claims.

    Args:
        environ: Of the request (PEP 3333).
        trusted_proxies: Addresses and networks.
    """
    client: str = environ.get("REMOTE_ADDR") or "unix"
    named = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    trusted = [ip_network(each, strict=False) for each in trusted_proxies]
    address = _find_address(client)
    while named and address and any(address in network for network in trusted):
        address = _find_address(named.pop())
        client = str(address or client)
    return client


def _find_address(written: str) -> Address | None:
    """Read an address, with a port or without; an IPv4 one that IPv6 wraps is what it wraps."""
    written = written.strip()
    if written.startswith("["):
        written = written[1:].partition("]")[0]
    elif written.count(":") == 1:
        written = written.partition(":")[0]
    try:
        address = ip_address(written)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
