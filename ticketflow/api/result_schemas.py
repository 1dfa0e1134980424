"""What came of a ticket: quotes, scores, and what may help whoever answers next."""

from typing import get_args

from marshmallow import fields, validate

from ticketflow.api.fields import ShownSchema
from ticketflow.mail.machine import REASONS
from ticketflow.workflow.ports import HANDOVERS
from ticketflow.workflow.state import Resolution


class CitationSchema(ShownSchema):
    """A sentence of the answer and the article it comes from, verbatim."""

    article_id = fields.UUID(required=True)
    article_version = fields.Integer(required=True)
    title = fields.String(required=True)
    quote = fields.String(required=True)
    start = fields.Integer(metadata={"description": "Its first character in the body of that version, zero-based."})
    end = fields.Integer(metadata={"description": "One past its last character."})


class SuggestionSchema(ShownSchema):
    """An article that may help whoever answers next."""

    article_id = fields.UUID(required=True)
    article_version = fields.Integer(required=True)
    title = fields.String(required=True)
    confidence = fields.Float(required=True, metadata={"description": "How likely it answers, in [0, 1]."})


class ScoresSchema(ShownSchema):
    """What review thought of the last draft, each in [0, 1]."""

    grounding = fields.Float(
        required=True, metadata={"description": "Share that is quoted from an article or a fixed phrase."}
    )
    completeness = fields.Float(required=True, metadata={"description": "How much of the question it addresses."})
    tone = fields.Float(required=True, metadata={"description": "1 when nobody could take offence."})


class SimilarTicketSchema(ShownSchema):
    """A ticket like this one; without personal data."""

    ticket_id = fields.UUID(required=True)
    score = fields.Float(required=True, metadata={"description": "Cosine of the two questions, in [-1, 1]."})
    question = fields.String(required=True, metadata={"description": "The beginning of what was asked."})
    reply = fields.String(required=True, metadata={"description": "What a person approved."})


class ResultSchema(ShownSchema):
    """How the ticket came out."""

    resolution = fields.String(required=True, validate=validate.OneOf(get_args(Resolution)))
    reason = fields.String(
        allow_none=True,
        validate=validate.OneOf([*REASONS, *HANDOVERS]),
        metadata={
            "description": "Why it was ignored, or went to a person at once; null for others, and if a person decided."
        },
    )
    team = fields.String(
        required=True,
        metadata={"description": "Who has the ticket now: whoever has to answer what is left, or owns its category."},
    )
    revisions = fields.Integer(required=True, metadata={"description": "How many drafts were written."})
    verdict = fields.String(required=True, metadata={"description": "What review said last.", "example": "approve"})
    decided_by = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`person`, or `timeout` when none decided in time; null if none was asked."},
    )
    edited = fields.Boolean(required=True, metadata={"description": "Whether a person changed the draft."})
    completeness = fields.Float(
        required=True, metadata={"description": "How much of the question is addressed, in [0, 1]."}
    )
    handed_over = fields.List(
        fields.String(),
        metadata={"description": "What of an answered ticket the team has to answer yet, in the customer's words."},
    )
    scores = fields.Nested(ScoresSchema, required=True)
    suggestions = fields.List(
        fields.Nested(SuggestionSchema),
        required=True,
        metadata={"description": "Up to three articles worth a look, the cited one first."},
    )
    similar_tickets = fields.List(
        fields.Nested(SimilarTicketSchema),
        metadata={"description": "Up to three tickets like this one whose answers a person approved."},
    )
