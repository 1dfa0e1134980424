"""What people do to a ticket: cancel, retry, rewind, fork, and decide about its draft."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import url_for
from flask.views import MethodView

from ticketflow.adapters.owners import read_owners
from ticketflow.api import idempotency
from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.conditional import (
    ETAG_HEADER,
    IF_MATCH,
    NEEDED_IF_MATCH,
    build_etag,
    read_if_match,
    require_if_match,
)
from ticketflow.api.openapi import Blueprint
from ticketflow.api.operation_schemas import APPROVAL, FORK, ApprovalSchema, ForkSchema, ReasonSchema, RewindSchema
from ticketflow.api.ticket_schemas import TicketSchema
from ticketflow.api.tickets import LOCATION, Answer
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.decide_approval import Judgement, decide_approval
from ticketflow.services.fork_ticket import fork_ticket, give_to_team
from ticketflow.services.retry_ticket import retry_ticket
from ticketflow.services.rewind_ticket import rewind_ticket

blp = Blueprint("operations", __name__, url_prefix="/tickets", description="Stop a ticket, or send it on again")


@blp.route("/<uuid:ticket_id>/cancel")
class Cancel(MethodView):
    """Stop a ticket."""

    @blp.arguments(ReasonSchema, required=False)
    @blp.response(202, TicketSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 503)
    @blp.header(IF_MATCH)
    def post(self, given: dict[str, Any], ticket_id: UUID) -> Answer:
        """Cancel a ticket for good; a step under way changes nothing any more.

        A ticket that is cancelled already is shown as it is. One that has completed is a conflict.
        """
        seen = read_if_match()
        ticket = cancel_ticket(backend().sessions, current_caller().tenant, ticket_id, seen, given["reason"])
        return _accept(ticket)


@blp.route("/<uuid:ticket_id>/retry")
class Retry(MethodView):
    """Try a ticket's failed step again."""

    @blp.response(202, TicketSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 409, 412, 503)
    @blp.header(IF_MATCH)
    def post(self, ticket_id: UUID) -> Answer:
        """Try a failed ticket's step again, now; finished steps are kept.

        Also for a ticket that waits for its next attempt. One of which no step failed is a conflict.
        """
        ticket = retry_ticket(backend().sessions, current_caller().tenant, ticket_id, read_if_match())
        backend().wake()
        return _accept(ticket)


@blp.route("/<uuid:ticket_id>/rewind")
class Rewind(MethodView):
    """Take a ticket back to a step."""

    @blp.arguments(RewindSchema, example={"step": "draft"})
    @blp.response(202, TicketSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 503)
    @blp.header(IF_MATCH)
    def post(self, given: dict[str, str], ticket_id: UUID) -> Answer:
        """Run a finished step again, and all after it.

        What those steps answered before stays in the ledger, as superseded.
        """
        seen = read_if_match()
        ticket = rewind_ticket(backend().sessions, current_caller().tenant, ticket_id, given["step"], seen)
        backend().wake()
        return _accept(ticket)


@blp.route("/<uuid:ticket_id>/fork")
class Fork(MethodView):
    """Make a new ticket out of one."""

    @blp.arguments(ForkSchema, example=FORK)
    @blp.response(202, TicketSchema, headers={**ETAG_HEADER, **LOCATION, **idempotency.REPLAYED_HEADER})
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 503)
    @blp.header(IF_MATCH)
    @blp.header(idempotency.PARAMETER)
    def post(self, given: dict[str, Any], ticket_id: UUID) -> Answer:
        """Open a new ticket that starts at a step of this one, with something different.

        The steps before are taken over as they are; this ticket goes its own way.
        """
        caller, seen, step = current_caller(), read_if_match(), given["step"]
        overrides = given["overrides"]
        if "category" in overrides.state:
            overrides = give_to_team(overrides, read_owners(backend().settings, backend().sessions))
        payload = {"ticket_id": str(ticket_id), "step": step, **asdict(overrides)}
        repeatable = idempotency.find_repeatable(caller.key_id, payload)
        fork = fork_ticket(backend().sessions, caller.tenant, ticket_id, step, overrides, seen=seen, request=repeatable)
        headers = {"Location": url_for("tickets.ticket", ticket_id=fork.ticket_id)}
        if fork.is_replay:
            return _accept(fork.ticket, {**headers, idempotency.REPLAYED: "true"})
        backend().wake()
        return _accept(fork.ticket, headers)


@blp.route("/<uuid:ticket_id>/approval")
class Approval(MethodView):
    """What a person decides about a draft."""

    @blp.arguments(ApprovalSchema, example=APPROVAL)
    @blp.response(202, TicketSchema, headers={**ETAG_HEADER, **idempotency.REPLAYED_HEADER})
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 428, 503)
    @blp.header(NEEDED_IF_MATCH)
    @blp.header(idempotency.PARAMETER)
    def post(self, given: dict[str, Any], ticket_id: UUID) -> Answer:
        """Decide about the draft of a ticket that is `awaiting_approval`.

        Of several people who decide about the same version one is heard; the others get 412 and change nothing.
        """
        caller, seen, judgement = current_caller(), require_if_match(), Judgement(by=current_caller().key_id, **given)
        repeatable = idempotency.find_repeatable(caller.key_id, {"ticket_id": str(ticket_id), **given})
        decided = decide_approval(backend().sessions, caller.tenant, ticket_id, judgement, seen, repeatable)
        if decided.is_replay:
            return _accept(decided.ticket, {idempotency.REPLAYED: "true"})
        backend().wake()
        return _accept(decided.ticket)


def _accept(ticket: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return ticket, HTTPStatus.ACCEPTED, {**build_etag(ticket["version"]), **(headers or {})}
