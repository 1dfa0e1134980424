"""A ticket's trail as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest

from ticketflow.api.backend import Backend
from ticketflow.api.seats import Seat, find_client
from ticketflow.api.ticket_schemas import MAX_EVENT_ID
from ticketflow.errors import NotFoundError
from ticketflow.observability.logging import get_logger
from ticketflow.services.keys import Caller
from ticketflow.services.read_tickets import read_events, read_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.transitions import TERMINAL

log = get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
PARAMETER = {
    "name": LAST_EVENT_ID,
    "in": "header",
    "description": "Of a stream: go on after this event. Comes before `after`.",
    "schema": {"type": "string"},
}

POLL_S = 0.5
RETRY_MS = 1000
# Proxies close connections that are silent for a minute, some for half of that.
HEARTBEAT_S = 15.0
PAGE = 200

TakeSeat = Callable[[], AbstractContextManager[Seat | None]]


def stream_events(backend: Backend, caller: Caller, ticket_id: UUID, after: int) -> Response:
    """Answer with events as they happen; no database connection is held while nothing does.

    Raises:
        NotFoundError: This tenant has no such ticket.
        BadRequest: ``Last-Event-ID`` is no event's id.
    """
    last_event_id = request.headers.get(LAST_EVENT_ID)
    after = after if last_event_id is None else parse_event_id(last_event_id)
    trail = Trail(backend.sessions, caller.tenant, ticket_id, after)
    first = trail.read()
    if trail.has_ended and not first and last_event_id is not None:
        return Response(status=HTTPStatus.NO_CONTENT)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(
        write_stream(trail, first, partial(backend.seats.take, caller.key_id, find_client())),
        headers=headers,
        mimetype=MEDIA_TYPE,
    )


def parse_event_id(given: str) -> int:
    """Read a ``Last-Event-ID``.

    Raises:
        BadRequest: It is no event's id.
    """
    if not (given.isascii() and given.isdecimal()) or len(given) > len(str(MAX_EVENT_ID)) or int(given) > MAX_EVENT_ID:
        raise BadRequest(f"{LAST_EVENT_ID}: send the id of an event")
    return int(given)


class Trail:
    """Reads on in a ticket's trail.

    Attributes:
        has_ended: Whether the ticket had ended and everything was read, as of the last look.
    """

    def __init__(self, sessions: Sessions, tenant: str, ticket_id: UUID, after: int) -> None:
        """Start after an event."""
        self._place = (sessions, tenant, ticket_id)
        self._after = after
        self.has_ended = False

    def read(self) -> list[dict[str, Any]]:
        """Return what came since the last look, oldest first."""
        # The status first: whatever led to an end was in the trail before it.
        status = read_ticket(*self._place)["status"]
        events, has_more = read_events(*self._place, self._after, PAGE)
        if events:
            self._after = events[-1]["id"]
        self.has_ended = status in TERMINAL and not has_more
        return events


def write_stream(trail: Trail, first: list[dict[str, Any]], take_seat: TakeSeat) -> Iterator[str]:
    """Write events until the ticket has ended; without a seat to wait on, what there is now.

    A client comes back by itself after ``retry`` milliseconds and goes on where it was.
    """
    yield f"retry: {RETRY_MS}\n\n"
    yield from map(write_event, first)
    with take_seat() as seat:
        if seat is None:
            return
        try:
            yield from follow(trail, seat)
        except (SQLAlchemyError, NotFoundError) as error:
            log.warning("stream.ended", error=f"{type(error).__name__}: {error}")


def follow(trail: Trail, seat: Seat) -> Iterator[str]:
    """Write what comes, and a comment whenever nothing does for a while; until the end, or the seat is lost."""
    silent_since_s = time.monotonic()
    while not trail.has_ended and seat.pause(POLL_S):
        events = trail.read()
        yield from map(write_event, events)
        is_heartbeat_due = time.monotonic() - silent_since_s > HEARTBEAT_S
        if is_heartbeat_due and not events:
            yield ": still there\n\n"
        if is_heartbeat_due or events:
            silent_since_s = time.monotonic()


def write_event(event: dict[str, Any]) -> str:
    """Write one event."""
    return f"id: {event['id']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
