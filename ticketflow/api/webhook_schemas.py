"""What webhooks look like on their way in and out."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from ticketflow.adapters.webhook_address import MAX_URL_LENGTH
from ticketflow.api.fields import Line, ShownSchema, Truth, refuse_repeats, shown_instant
from ticketflow.api.paging import PageQuery
from ticketflow.storage.webhook_deliveries import TEST_EVENT
from ticketflow.storage.webhooks import EndpointChange, NewEndpoint
from ticketflow.workflow.events import WEBHOOK_EVENTS

STATUSES = ("pending", "sending", "delivered", "failed")
REASONS = ("gone", "failing")
EVENTS = tuple(WEBHOOK_EVENTS.values())

WEBHOOK = {"url": "https://shop.example/hooks/tickets", "events": ["ticket.completed", "ticket.failed"]}

_EVENTS = "What it is told of. `ticket.awaiting_approval`: a draft waits for a person."
_URL = "`https` or `http`, without user and password. Redirects are not followed."


def _events_field(**options: Any) -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.OneOf(EVENTS)),
        validate=[validate.Length(min=1), refuse_repeats],
        metadata={"description": _EVENTS, "uniqueItems": True},
        **options,
    )


class NewWebhookSchema(Schema):
    """An endpoint to be told of events of your tickets."""

    url = Line(MAX_URL_LENGTH, required=True, metadata={"description": _URL})
    events = _events_field(load_default=list(EVENTS))
    description = Line(200, allow_none=True, load_default=None)

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> NewEndpoint:
        """Build what the use case takes."""
        return NewEndpoint(**loaded | {"events": sorted(set(loaded["events"]))})


class WebhookChangeSchema(Schema):
    """What is to be different; what is left out stays."""

    url = Line(MAX_URL_LENGTH, metadata={"description": _URL})
    events = _events_field()
    description = Line(200)
    enabled = Truth(
        metadata={"description": "While it is off nothing new is written for it; what waits is sent when it is on."},
    )

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> EndpointChange:
        """Build what the use case takes."""
        if not loaded:
            raise ValidationError("Send url, events, description or enabled.")
        if "events" in loaded:
            loaded["events"] = sorted(set(loaded["events"]))
        return EndpointChange(**loaded)


class WebhookSchema(ShownSchema):
    """An endpoint that is told of events of your tickets."""

    id = fields.UUID(required=True)
    url = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    events = fields.List(fields.String(validate=validate.OneOf(EVENTS)), required=True)
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(REASONS),
        metadata={"description": "`gone`: it answered 410. `failing`: nothing but failures for days."},
    )
    failures = fields.Integer(required=True, metadata={"description": "Failed attempts since the last good one."})
    failing_since = shown_instant("Of the first of them.", required=True, allow_none=True)
    version = fields.Integer(required=True)
    created_at = shown_instant("When it was registered.", required=True)
    updated_at = shown_instant("When somebody changed it.", required=True)


class WebhookWithSecretSchema(WebhookSchema):
    """An endpoint and what its deliveries are signed with."""

    secret = fields.String(
        required=True,
        metadata={"description": "Keep it: it is not shown again.", "example": "whsec_a2VwdCBzZWNyZXQ="},
    )


class WebhookListSchema(ShownSchema):
    """All endpoints, oldest first."""

    webhooks = fields.List(fields.Nested(WebhookSchema), required=True)


class DeliverySchema(ShownSchema):
    """One event for one endpoint."""

    id = fields.UUID(required=True, metadata={"description": "The `webhook-id` header of every attempt."})
    type = fields.String(required=True, validate=validate.OneOf((*EVENTS, TEST_EVENT)))
    ticket_id = fields.UUID(required=True, allow_none=True, metadata={"description": "`null` for a test."})
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    attempts = fields.Integer(required=True)
    response_status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Status of the last answer, if there was one."}
    )
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why the last attempt failed."})
    occurred_at = shown_instant("When it happened.", required=True)
    last_attempt_at = shown_instant("When it was last sent.", required=True, allow_none=True)
    next_attempt_at = shown_instant("When it is sent next, unless it is done.", required=True, allow_none=True)
    finished_at = shown_instant("When it was delivered or given up.", required=True, allow_none=True)


class DeliveryPageSchema(ShownSchema):
    """A page of deliveries, newest first."""

    deliveries = fields.List(fields.Nested(DeliverySchema), required=True)


class DeliveryPageQuery(PageQuery):
    """Which deliveries."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
