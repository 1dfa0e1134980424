"""What to do to a ticket, as callers say it."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from ticketflow.api.fields import MAX_EMAIL_LENGTH, Instant, Line, LongText, refuse_large_metadata
from ticketflow.services.fork_ticket import Overrides
from ticketflow.storage.models import PRIORITIES
from ticketflow.workflow.plan import ticket_plan

FORK = {"step": "draft", "overrides": {"category": "billing", "team": "Billing"}}

_FOUND_OUT = ("category", "team", "language", "sentiment")
_step = validate.OneOf(ticket_plan().order)


class ReasonSchema(Schema):
    """Why."""

    reason = Line(500, allow_none=True, load_default=None, metadata={"description": "For whoever reads of it later."})


class RewindSchema(Schema):
    """Where to go on from."""

    step = fields.String(required=True, validate=_step, metadata={"description": "A step that the ticket finished."})


class ChangedCustomerSchema(Schema):
    """Who wrote the ticket; what is left out stays."""

    email = fields.Email(allow_none=True, validate=validate.Length(max=MAX_EMAIL_LENGTH))
    name = Line(200, allow_none=True)


class OverridesSchema(Schema):
    """What is different in the fork; what is left out stays."""

    subject = Line(500)
    body = LongText(100_000)
    customer = fields.Nested(ChangedCustomerSchema)
    channel = Line(50, allow_none=True)
    priority = fields.String(allow_none=True, validate=validate.OneOf(PRIORITIES))
    external_id = Line(200, allow_none=True)
    metadata = fields.Dict(keys=fields.String(), allow_none=True, validate=refuse_large_metadata)
    not_before = Instant(allow_none=True)
    category = Line(200, metadata={"description": "Can be changed where `classify` comes before the fork's step."})
    team = Line(200, metadata={"description": "The same."})
    language = fields.String(
        validate=validate.Regexp("[a-z]{2}$", error="Not an ISO 639-1 code."),
        metadata={"description": "ISO 639-1; the same."},
    )
    sentiment = fields.String(
        validate=validate.OneOf(["negative", "neutral", "positive"]), metadata={"description": "The same."}
    )

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> Overrides:
        """Build what the use case takes."""
        state = {name: loaded.pop(name) for name in _FOUND_OUT if name in loaded}
        customer = {f"customer_{name}": value for name, value in loaded.pop("customer", {}).items()}
        return Overrides(request=loaded | customer, state=state)


class ForkSchema(Schema):
    """Where the fork starts, and what is different in it."""

    step = fields.String(
        required=True,
        validate=_step,
        metadata={"description": "A step that the ticket finished, or stands at. Those before it are not run again."},
    )
    overrides = fields.Nested(OverridesSchema, load_default=Overrides)
