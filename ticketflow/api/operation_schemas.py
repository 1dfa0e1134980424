"""What to do to a ticket, as callers say it."""

from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from ticketflow.api.fields import (
    MAX_EMAIL_LENGTH,
    Instant,
    Line,
    LongText,
    TimeZone,
    refuse_future,
    refuse_large_metadata,
)
from ticketflow.services.fork_ticket import Overrides
from ticketflow.workflow.approval import Action
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.state import PRIORITIES

FORK = {"step": "draft", "overrides": {"category": "payments_billing"}}
APPROVAL = {"action": "edit", "final_response": "Hello Ana,\n\nwe sent 49.90 EUR back today.", "note": "too vague"}
CORRECTION = {"category": "payments_billing", "priority": "high", "note": "It is about the invoice."}

_FOUND_OUT = ("category", "team", "language", "sentiment")
_step = validate.OneOf(LINEAGE.steps)


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
    received_at = Instant(allow_none=True, validate=refuse_future)
    timezone = TimeZone(metadata={"description": "IANA name.", "example": "Europe/Berlin"})
    category = Line(
        200,
        metadata={"description": "One of the taxonomy; can be changed where `classify` comes before the fork's step."},
    )
    team = Line(200, metadata={"description": "The same; left out, the category's."})
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


class ApprovalSchema(Schema):
    """What a person decides about a draft."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(get_args(Action)),
        metadata={
            "description": "`accept`: the draft goes out. `edit`: `final_response` does. `reject`: it is written again"
            " and comes back here. `ignore`: nothing goes out."
        },
    )
    final_response = LongText(20_000, metadata={"description": "The whole reply; with `edit`, and only then."})
    note = LongText(
        2_000, metadata={"description": "Why; the writer of the next draft reads it, and the ticket's trail keeps it."}
    )

    @validates_schema
    def require_text_of_an_edit(self, given: dict[str, Any], **_: Any) -> None:
        """Take the text with ``edit`` and with nothing else."""
        if given["action"] == "edit" and "final_response" not in given:
            raise ValidationError("Send the edited reply.", "final_response")
        if given["action"] != "edit" and "final_response" in given:
            raise ValidationError(f"Goes with edit, not with {given['action']}.", "final_response")


class CorrectedEntitySchema(Schema):
    """A fact of the ticket; offsets count characters of the subject or body as the API shows it."""

    type = Line(50, required=True, metadata={"example": "order_id"})
    value = Line(500, required=True, metadata={"description": "Normalised."})
    text = fields.String(metadata={"description": "Taken from the ticket, whatever is sent."})
    field = fields.String(required=True, validate=validate.OneOf(["subject", "body"]))
    start = fields.Integer(required=True, strict=True)
    end = fields.Integer(required=True, strict=True)


class CorrectionSchema(Schema):
    """What is wrong on a ticket; what is left out stays."""

    category = Line(200, metadata={"description": "One of the taxonomy. The ticket goes to its team."})
    priority = fields.String(
        validate=validate.OneOf(PRIORITIES), metadata={"description": "Also moves the ticket in the queue."}
    )
    entities = fields.List(
        fields.Nested(CorrectedEntitySchema),
        validate=validate.Length(max=200),
        metadata={"description": "All facts of the ticket, in place of those found."},
    )
    note = LongText(2_000, metadata={"description": "Why."})

    @validates_schema
    def require_something(self, given: dict[str, Any], **_: Any) -> None:
        """Refuse a correction of nothing."""
        if not given.keys() - {"note"}:
            raise ValidationError("Send category, priority or entities.")
