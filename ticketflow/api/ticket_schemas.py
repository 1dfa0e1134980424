"""What tickets look like on their way in and out."""

from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from ticketflow.api.backend import backend
from ticketflow.api.fields import (
    MAX_EMAIL_LENGTH,
    Instant,
    Line,
    MailText,
    Number,
    ShownSchema,
    TimeZone,
    WholeNumber,
    refuse_future,
    refuse_large_metadata,
    shown_instant,
    shown_request_id,
)
from ticketflow.api.paging import DEFAULT_LIMIT, MAX_LIMIT, PageQuery
from ticketflow.api.result_schemas import CitationSchema, ResultSchema, ScoresSchema
from ticketflow.services.views import sum_usage
from ticketflow.storage.models import TicketStep
from ticketflow.storage.tickets import NewTicket, TicketFilter
from ticketflow.workflow.approval import DefaultAction, Reason
from ticketflow.workflow.events import EventType
from ticketflow.workflow.state import PRIORITIES
from ticketflow.workflow.steps.review import Verdict
from ticketflow.workflow.transitions import Status

MAX_WAIT_S = 60
MAX_EVENT_ID = 2**63 - 1

_priority = validate.OneOf(PRIORITIES)
_statuses = validate.OneOf([str(status) for status in Status])

NEW_TICKET = {
    "subject": "Charged twice for order A-1009",
    "body": "Hello, my card was charged 49.90 EUR twice on 3 March. Please send one back.",
    "customer": {"email": "ana@example.com", "name": "Ana"},
    "channel": "email",
    "external_id": "crm-77120",
    "metadata": {"plan": "pro"},
}


class NewCustomerSchema(Schema):
    """Who wrote the ticket."""

    email = fields.Email(allow_none=True, load_default=None, validate=validate.Length(max=MAX_EMAIL_LENGTH))
    name = Line(200, allow_none=True, load_default=None, metadata={"description": "Name to greet."})


class NewTicketSchema(Schema):
    """A customer's request."""

    subject = Line(500, shortest=0, load_default="", metadata={"description": "May be left out where there is a body."})
    body = MailText(
        100_000,
        load_default="",
        metadata={
            "description": "What a person reads of it, up to 100,000 characters. HTML, quoted-printable, base64 and"
            " whole mails are unpacked first, and the packed text is not kept. May be left out where there is a"
            " subject, or `metadata.attachments` names files."
        },
    )
    customer = fields.Nested(NewCustomerSchema, allow_none=True, load_default=None)
    channel = Line(50, allow_none=True, load_default=None, metadata={"description": "Where it came from."})
    priority = fields.String(
        allow_none=True,
        load_default=None,
        validate=_priority,
        metadata={"description": "Left out, the text decides."},
    )
    external_id = Line(200, allow_none=True, load_default=None, metadata={"description": "Your own reference."})
    metadata = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        load_default=None,
        validate=refuse_large_metadata,
        metadata={"description": "Anything you want back with the ticket; up to 16 KiB of JSON."},
    )
    not_before = Instant(allow_none=True, load_default=None, metadata={"description": "Start no step before."})
    received_at = Instant(
        allow_none=True,
        load_default=None,
        validate=refuse_future,
        metadata={"description": "When it came in, if not now: what “yesterday” refers to. Not in the future."},
    )
    timezone = TimeZone(
        allow_none=True,
        load_default=None,
        metadata={"description": "What “yesterday” means to the customer; IANA name.", "example": "Europe/Berlin"},
    )

    @validates_schema
    def refuse_nothing(self, loaded: dict[str, Any], **_: Any) -> None:
        """Take what says something, or has something with it."""
        has_files = bool((loaded.get("metadata") or {}).get("attachments"))
        if not (loaded["subject"].strip() or loaded["body"].strip() or has_files):
            raise ValidationError("Must not be blank where the subject is, and nothing is attached.", "body")

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> NewTicket:
        """Build what the use case takes."""
        customer = loaded.pop("customer") or {}
        loaded["timezone"] = loaded["timezone"] or backend().settings.timezone
        return NewTicket(customer_email=customer.get("email"), customer_name=customer.get("name"), **loaded)


class TicketQuery(PageQuery):
    """Which tickets to list."""

    status = fields.String(load_default=None, validate=_statuses)
    category = Line(200, load_default=None)
    team = Line(200, load_default=None)
    priority = fields.String(
        load_default=None, validate=_priority, metadata={"description": "As it was asked for, or corrected."}
    )
    channel = Line(50, load_default=None)
    customer = Line(MAX_EMAIL_LENGTH, load_default=None, metadata={"description": "The customer's e-mail address."})
    external_id = Line(200, load_default=None)
    created_after = Instant(load_default=None, metadata={"description": "Received then or later."})
    created_before = Instant(load_default=None, metadata={"description": "Received earlier."})
    q = Line(500, load_default=None, metadata={"description": "Words that all occur in subject or body."})

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> tuple[TicketFilter, int]:
        """Build what the use case takes."""
        limit: int = loaded.pop("limit")
        renamed = {"customer_email": "customer", "query": "q", "before_id": "cursor"}
        values = {name: loaded.pop(given) for name, given in renamed.items()}
        return TicketFilter(**loaded, **values), limit


class WaitQuery(Schema):
    """How long to wait for a ticket."""

    wait = Number(
        load_default=0,
        validate=validate.Range(0, MAX_WAIT_S),
        metadata={
            "description": "Seconds to wait for the ticket to end before it is shown as it stands. One that waits for a"
            " person has not ended."
        },
    )


class EventQuery(Schema):
    """Which events of a trail."""

    after = WholeNumber(
        load_default=0,
        validate=validate.Range(0, MAX_EVENT_ID),
        metadata={"description": "Only events with a higher id."},
    )
    limit = WholeNumber(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))


class CustomerSchema(ShownSchema):
    """Who wrote the ticket."""

    email = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class GuessSchema(ShownSchema):
    """A category and how likely it is."""

    category = fields.String(required=True)
    confidence = fields.Float(required=True)


class EntitySchema(ShownSchema):
    """A fact found in the ticket; card and account numbers are masked."""

    type = fields.String(required=True, metadata={"example": "order_id"})
    value = fields.String(required=True, metadata={"description": "Normalised."})
    text = fields.String(required=True, metadata={"description": "As written."})
    field = fields.String(required=True, validate=validate.OneOf(["subject", "body"]))
    start = fields.Integer(required=True)
    end = fields.Integer(required=True)


class DraftProblemSchema(ShownSchema):
    """What is wrong with a draft."""

    code = fields.String(required=True, metadata={"example": "ungrounded"})
    detail = fields.String(required=True)
    quote = fields.String(metadata={"description": "The quoted sentence that is to blame."})


class ReviewSchema(ShownSchema):
    """What review thinks of the draft."""

    verdict = fields.String(required=True, validate=validate.OneOf(get_args(Verdict)))
    completeness = fields.Float(
        required=True, metadata={"description": "How much of the question is addressed, in [0, 1]."}
    )
    scores = fields.Nested(
        ScoresSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null for tickets reviewed by an earlier version."},
    )
    answer_confidence = fields.Float(required=True, metadata={"description": "How sure the writer was, in [0, 1]."})
    revision = fields.Integer(required=True, metadata={"description": "Counts the drafts, from 1."})
    problems = fields.List(
        fields.Nested(DraftProblemSchema),
        required=True,
        metadata={"description": "After a rejection, what the next draft must leave out."},
    )
    approval = fields.String(
        required=True,
        validate=validate.OneOf(["wanted", "not_needed"]),
        metadata={"description": "Whether a person decides before the draft is final."},
    )


class AwaitedSchema(ShownSchema):
    """What a person is asked; `POST …/approval` answers."""

    requested_at = shown_instant("Since when.", required=True)
    expires_at = shown_instant("Until when.", required=True)
    default_action = fields.String(
        required=True,
        validate=validate.OneOf(get_args(DefaultAction)),
        metadata={"description": "What is done then. `route`: an acknowledgement goes out instead."},
    )
    reasons = fields.List(fields.String(validate=validate.OneOf(get_args(Reason))), required=True)


class ErrorSchema(ShownSchema):
    """Why a step failed."""

    kind = fields.String(
        attribute="class", data_key="class", required=True, metadata={"example": "BadModelOutputError"}
    )
    message = fields.String(required=True)
    step = fields.String(required=True, metadata={"example": "draft"})
    attempt = fields.Integer(required=True, metadata={"description": "Counts the tries of this step, from 1."})
    traceback = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Where it was raised, the last place last; no values.", "example": ["module:42 name"]},
    )


class SlaSchema(ShownSchema):
    """Until when a ticket is to be dealt with, counted from its arrival."""

    first_response_due_at = shown_instant("When the first answer is due.", required=True, allow_none=True)
    resolution_due_at = shown_instant("When it is to be solved.", required=True, allow_none=True)


class TicketSchema(ShownSchema):
    """A ticket; what no step has found yet is null."""

    id = fields.UUID(required=True)
    external_id = fields.String(required=True, allow_none=True)
    subject = fields.String(required=True)
    body = fields.String(required=True)
    customer = fields.Nested(CustomerSchema, required=True)
    channel = fields.String(required=True, allow_none=True)
    metadata = fields.Dict(keys=fields.String(), required=True)
    status = fields.String(required=True, validate=_statuses)
    current_step = fields.String(required=True, allow_none=True, metadata={"example": "classify"})
    version = fields.Integer(required=True, metadata={"description": "Grows with every change; also the `ETag`."})
    category = fields.String(required=True, allow_none=True)
    priority = fields.String(required=True, validate=_priority)
    team = fields.String(required=True, allow_none=True, metadata={"description": "Who owns the category."})
    confidence = fields.Float(required=True, allow_none=True, metadata={"description": "In [0, 1]."})
    alternatives = fields.List(fields.Nested(GuessSchema), required=True, allow_none=True)
    language = fields.String(required=True, allow_none=True, metadata={"description": "ISO 639-1."})
    sentiment = fields.String(required=True, allow_none=True)
    reasons = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "A few words on what decided `priority` and `sentiment`, by those names."},
    )
    sla = fields.Nested(
        SlaSchema, required=True, allow_none=True, metadata={"description": "What the category promises, if anything."}
    )
    entities = fields.List(fields.Nested(EntitySchema), required=True, allow_none=True)
    citations = fields.List(fields.Nested(CitationSchema), required=True, allow_none=True)
    draft = fields.String(required=True, allow_none=True)
    final_response = fields.String(required=True, allow_none=True)
    result = fields.Nested(ResultSchema, required=True, allow_none=True)
    review = fields.Nested(ReviewSchema, required=True, allow_none=True)
    approval = fields.Nested(
        AwaitedSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null unless the ticket is `awaiting_approval`."},
    )
    error = fields.Nested(
        ErrorSchema,
        required=True,
        allow_none=True,
        metadata={"description": "What the last attempt failed of; null once a step succeeds."},
    )
    forked_from = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The ticket this one was made from."}
    )
    request_id = shown_request_id()
    not_before = shown_instant("No step runs before.", required=True, allow_none=True)
    received_at = shown_instant("When it came in: as the caller said, or when it was received.", required=True)
    created_at = shown_instant("When it was received here.", required=True)
    updated_at = shown_instant("When anything about it changed.", required=True)
    finished_at = shown_instant("When it ended.", required=True, allow_none=True)


class TicketPageSchema(ShownSchema):
    """A page of tickets, newest first."""

    tickets = fields.List(fields.Nested(TicketSchema), required=True)


class EventSchema(ShownSchema):
    """A line of a ticket's trail."""

    id = fields.Integer(required=True)
    type = fields.String(
        required=True,
        metadata={
            "description": f"One of {', '.join(f'`{name}`' for name in EventType)}; later versions may add some.",
            "example": EventType.STEP_COMPLETED.value,
        },
    )
    step = fields.String(required=True, allow_none=True)
    round = fields.Integer(required=True, allow_none=True)
    attempt = fields.Integer(required=True, allow_none=True)
    generation = fields.Integer(required=True)
    request_id = shown_request_id()
    detail = fields.Dict(keys=fields.String(), required=True)
    created_at = shown_instant("When it happened.", required=True)


class EventPageSchema(ShownSchema):
    """A page of a trail, oldest first."""

    events = fields.List(fields.Nested(EventSchema), required=True)


class UsageSchema(ShownSchema):
    """What chat models cost."""

    input_tokens = fields.Integer(required=True)
    output_tokens = fields.Integer(required=True)
    cost_usd = fields.Float(required=True, metadata={"description": "By the prices set when they were asked."})


class StepSchema(ShownSchema):
    """A finished step: what it answered, and why."""

    step = fields.String(required=True)
    round = fields.Integer(required=True, metadata={"description": "Counts the passes of a loop, from 1."})
    attempts = fields.Integer(required=True)
    generation = fields.Integer(required=True)
    input_hash = fields.String(required=True)
    output = fields.Dict(keys=fields.String(), required=True)
    engines = fields.List(fields.Dict(keys=fields.String()), required=True, metadata={"description": "Who was asked."})
    usage = fields.Nested(UsageSchema, required=True)
    started_at = shown_instant("When the attempt that succeeded began.", required=True)
    finished_at = shown_instant("When its result was kept.", required=True)
    duration_s = fields.Float(required=True)
    superseded_at = shown_instant(
        "When the ticket was rewound to this step or an earlier one; null while it counts.",
        required=True,
        allow_none=True,
    )

    def get_attribute(self, obj: TicketStep, attr: str, default: Any) -> Any:
        """Read a field off the ledger's row, which does not have ``usage`` added up."""
        return sum_usage(obj.engines) if attr == "usage" else super().get_attribute(obj, attr, default)


class StepListSchema(ShownSchema):
    """A ticket's ledger in the order steps finished."""

    steps = fields.List(fields.Nested(StepSchema), required=True)
    usage = fields.Nested(UsageSchema, required=True, metadata={"description": "Of the whole ticket."})
