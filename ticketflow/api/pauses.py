"""Pauses: hold a step back and let it go again."""

from http import HTTPStatus
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.fields import ShownSchema, shown_instant
from ticketflow.api.openapi import Blueprint
from ticketflow.api.operation_schemas import ReasonSchema
from ticketflow.errors import NotFoundError
from ticketflow.services.pauses import pause_step, read_pauses, resume_step
from ticketflow.storage.models import Pause
from ticketflow.workflow.graph import LINEAGE

blp = Blueprint("pauses", __name__, url_prefix="/pauses", description="Steps that are held back")

STEPS = [*LINEAGE.steps, "all"]


class PauseSchema(ShownSchema):
    """A step that is not started for now."""

    step = fields.String(required=True, metadata={"description": "`all`: every step.", "example": "draft"})
    tenant = fields.String(required=True, metadata={"description": "`*`: everybody's tickets, held by the operator."})
    reason = fields.String(required=True, allow_none=True)
    created_at = shown_instant("Since when.", required=True)


class PauseListSchema(ShownSchema):
    """What is held back, longest first."""

    pauses = fields.List(fields.Nested(PauseSchema), required=True)


@blp.route("")
class Pauses(MethodView):
    """All pauses."""

    @blp.response(200, PauseListSchema)
    @blp.problems(401, 503)
    def get(self) -> dict[str, Any]:
        """List the pauses that concern your tickets."""
        return {"pauses": read_pauses(backend().sessions, current_caller().tenant)}


@blp.route("/<string:step>", parameters=[{"name": "step", "in": "path", "schema": {"type": "string", "enum": STEPS}}])
class StepPause(MethodView):
    """The pause of one step, or of `all`."""

    @blp.arguments(ReasonSchema, required=False)
    @blp.response(200, PauseSchema)
    @blp.problems(400, 401, 413, 415, 422, 503)
    def put(self, given: dict[str, Any], step: str) -> Pause:
        """Start a step of your tickets no more; what is under way finishes, and tickets wait."""
        return pause_step(backend().sessions, step, current_caller().tenant, given["reason"])

    @blp.response(204)
    @blp.problems(401, 404, 422, 503)
    def delete(self, step: str) -> Response:
        """Let the step go on."""
        if not resume_step(backend().sessions, step, current_caller().tenant):
            raise NotFoundError(f"you have not paused {step}")
        backend().wake()
        return Response(status=HTTPStatus.NO_CONTENT)
