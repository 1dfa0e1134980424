"""Corrections: what people put right, as examples to learn from and data to evaluate with."""

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, post_load, validate

from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.fields import Instant, ShownSchema, shown_instant
from ticketflow.api.openapi import Blueprint
from ticketflow.api.paging import LINK_HEADER, PageQuery, answer_page
from ticketflow.services.read_tickets import read_corrections
from ticketflow.storage.corrections import CorrectionFilter

blp = Blueprint("corrections", __name__, url_prefix="/corrections", description="What people put right")

_field = validate.OneOf(["category", "priority", "entities", "final_response"])


class CorrectionQuery(PageQuery):
    """Which corrections to list."""

    field = fields.String(load_default=None, validate=_field)
    since = Instant(load_default=None, metadata={"description": "Made then or later."})

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> tuple[CorrectionFilter, int]:
        """Build what the use case takes."""
        return CorrectionFilter(loaded["field"], loaded["since"], loaded["cursor"]), loaded["limit"]


class ShownCorrectionSchema(ShownSchema):
    """What the engine gave and what a person made of it, beside the customer's words."""

    id = fields.UUID(attribute="correction.id", required=True)
    ticket_id = fields.UUID(attribute="correction.ticket_id", required=True)
    subject = fields.String(required=True)
    body = fields.String(required=True)
    field = fields.String(attribute="correction.field", required=True, validate=_field)
    before = fields.Raw(
        attribute="correction.before",
        required=True,
        allow_none=True,
        metadata={"description": "For `final_response` the draft."},
    )
    after = fields.Raw(
        attribute="correction.after",
        required=True,
        allow_none=True,
        metadata={"description": "The same as `before` where a draft was accepted as it was."},
    )
    note = fields.String(attribute="correction.note", required=True, allow_none=True)
    corrected_by = fields.String(
        attribute="correction.corrected_by",
        required=True,
        allow_none=True,
        metadata={"description": "Id of the API key."},
    )
    created_at = shown_instant("When it was made.", attribute="correction.created_at", required=True)


class CorrectionPageSchema(ShownSchema):
    """A page of corrections, newest first."""

    corrections = fields.List(fields.Nested(ShownCorrectionSchema), required=True)


@blp.route("")
class Corrections(MethodView):
    """All corrections."""

    @blp.arguments(CorrectionQuery, location="query")
    @blp.response(200, CorrectionPageSchema, headers=LINK_HEADER)
    @blp.problems(401, 503)
    def get(self, wanted: tuple[CorrectionFilter, int]) -> Response:
        """List what people corrected, accepted and edited, newest first."""
        found, has_more = read_corrections(backend().sessions, current_caller().tenant, *wanted)
        return answer_page("corrections", ShownCorrectionSchema(), found, has_more=has_more)
