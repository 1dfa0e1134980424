"""Tickets: send one, follow it, list them."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask.views import MethodView

from ticketflow.adapters.owners import read_owners
from ticketflow.api import idempotency
from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.conditional import (
    ETAG_HEADER,
    IF_NONE_MATCH,
    NEEDED_IF_MATCH,
    answer_unless_known,
    build_etag,
    require_if_match,
)
from ticketflow.api.event_stream import MEDIA_TYPE, PARAMETER, stream_events
from ticketflow.api.openapi import Blueprint
from ticketflow.api.operation_schemas import CORRECTION, CorrectionSchema
from ticketflow.api.paging import LINK_HEADER, answer_page
from ticketflow.api.seats import find_client
from ticketflow.api.ticket_schemas import (
    NEW_TICKET,
    EventPageSchema,
    EventQuery,
    EventSchema,
    NewTicketSchema,
    StepListSchema,
    TicketPageSchema,
    TicketQuery,
    TicketSchema,
    WaitQuery,
)
from ticketflow.observability.context import bind
from ticketflow.services.correct_ticket import Correction, correct_ticket
from ticketflow.services.read_tickets import read_events, read_steps, read_ticket, read_tickets, wait_for_ticket
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.services.views import sum_usage
from ticketflow.storage.tickets import NewTicket, TicketFilter
from ticketflow.workflow.graph import LINEAGE

Answer = tuple[dict[str, Any], int, dict[str, str]]

blp = Blueprint("tickets", __name__, url_prefix="/tickets", description="Customers' requests and where they stand")

LOCATION = {"Location": {"description": "Where to follow it.", "schema": {"type": "string"}}}


@blp.route("")
class Tickets(MethodView):
    """All tickets."""

    @blp.arguments(NewTicketSchema, example=NEW_TICKET)
    @blp.response(202, TicketSchema, headers={**LOCATION, **idempotency.REPLAYED_HEADER})
    @blp.problems(400, 401, 409, 413, 415, 503)
    @blp.header(idempotency.PARAMETER)
    def post(self, new: NewTicket) -> Answer:
        """Send a ticket.

        The answer comes as soon as the ticket is stored, whether or not anything can work on it just now.
        """
        caller = current_caller()
        repeatable = idempotency.find_repeatable(caller.key_id, asdict(new))
        submission = submit_ticket(
            backend().sessions,
            caller.tenant,
            new,
            LINEAGE.steps[0],
            repeatable,
            graph_version=LINEAGE.version,
        )
        bind(ticket_id=str(submission.ticket_id))
        headers = {"Location": url_for("tickets.ticket", ticket_id=submission.ticket_id)}
        if submission.is_replay:
            return submission.ticket, HTTPStatus.ACCEPTED, {**headers, idempotency.REPLAYED: "true"}
        backend().wake()
        return submission.ticket, HTTPStatus.ACCEPTED, headers

    @blp.arguments(TicketQuery, location="query")
    @blp.response(200, TicketPageSchema, headers=LINK_HEADER)
    @blp.problems(401, 503)
    def get(self, wanted: tuple[TicketFilter, int]) -> Response:
        """List tickets, newest first."""
        tickets, has_more = read_tickets(backend().sessions, current_caller().tenant, *wanted)
        return answer_page("tickets", TicketSchema(), tickets, has_more=has_more)


@blp.route("/<uuid:ticket_id>", endpoint="ticket")
class Ticket(MethodView):
    """One ticket."""

    @blp.arguments(WaitQuery, location="query")
    @blp.response(200, TicketSchema, headers=ETAG_HEADER)
    @blp.alt_response(304, "NOT_MODIFIED", success=True)
    @blp.problems(401, 404, 503)
    @blp.header(IF_NONE_MATCH)
    def get(self, query: dict[str, float], ticket_id: UUID) -> Any:
        """Show a ticket, if wanted as soon as it has ended."""
        ticket = _wait(ticket_id, query["wait"])
        return answer_unless_known(ticket, ticket["version"])

    @blp.arguments(CorrectionSchema, example=CORRECTION)
    @blp.response(200, TicketSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 428, 503)
    @blp.header(NEEDED_IF_MATCH)
    def patch(self, given: dict[str, Any], ticket_id: UUID) -> Answer:
        """Correct the category, the priority or the facts of a ticket, wherever it stands.

        Kept as an example to learn from. A field whose step has not finished yet is a conflict.
        """
        caller, seen, correction = current_caller(), require_if_match(), Correction(current_caller().key_id, **given)
        owners = read_owners(backend().settings, backend().sessions) if correction.category else {}
        ticket = correct_ticket(backend().sessions, caller.tenant, ticket_id, correction, seen, owners)
        return ticket, HTTPStatus.OK, build_etag(ticket["version"])


@blp.route("/<uuid:ticket_id>/events")
class TicketEvents(MethodView):
    """What happened to a ticket."""

    @blp.arguments(EventQuery, location="query")
    @blp.response(200, EventPageSchema, headers=LINK_HEADER)
    @blp.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blp.alt_response(204, "NO_CONTENT", success=True)
    @blp.problems(400, 401, 404, 503)
    @blp.header(PARAMETER)
    def get(self, query: dict[str, int], ticket_id: UUID) -> Response:
        """List a ticket's events, oldest first.

        With `Accept: text/event-stream` they come as they happen, until the ticket has ended. A client that asks again
        with the `Last-Event-ID` of an ended ticket gets 204, which tells it to stop.
        """
        tenant = current_caller().tenant
        if request.accept_mimetypes.best_match(["application/json", MEDIA_TYPE]) == MEDIA_TYPE:
            return stream_events(backend(), current_caller(), ticket_id, query["after"])
        events, has_more = read_events(backend().sessions, tenant, ticket_id, query["after"], query["limit"])
        return answer_page("events", EventSchema(), events, has_more=has_more, cursor=("after", "id"))


@blp.route("/<uuid:ticket_id>/steps")
class TicketSteps(MethodView):
    """What a ticket's steps answered."""

    @blp.response(200, StepListSchema)
    @blp.problems(401, 404, 503)
    def get(self, ticket_id: UUID) -> dict[str, Any]:
        """List a ticket's finished steps: what each answered, who was asked, how long it took."""
        steps = read_steps(backend().sessions, current_caller().tenant, ticket_id)
        return {"steps": steps, "usage": sum_usage(each for step in steps for each in step.engines)}


def _wait(ticket_id: UUID, timeout_s: float) -> dict[str, Any]:
    """Show a ticket at once, or as soon as it has ended: while there is a seat to wait on, and a client who waits."""
    sessions, tenant = backend().sessions, current_caller().tenant
    if not timeout_s:
        return read_ticket(sessions, tenant, ticket_id)
    with backend().seats.take(current_caller().key_id, find_client()) as seat:
        if seat is None:
            return read_ticket(sessions, tenant, ticket_id)
        return wait_for_ticket(sessions, tenant, ticket_id, timeout_s, seat.pause)
