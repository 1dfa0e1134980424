"""What articles look like on their way in and out."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from ticketflow.api.fields import MAX_VERSION, Line, LongText, ShownSchema, WholeNumber, shown_instant
from ticketflow.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import read_article
from ticketflow.markup.publication import find_unpublished
from ticketflow.services.articles import (
    MAX_BODY_CHARACTERS,
    MAX_EXTERNAL_ID_CHARACTERS,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    MAX_TITLE_CHARACTERS,
)
from ticketflow.storage.articles import NewArticle

FORMATS = ("markdown", "mdx", "html", "rst", "text")

ARTICLE = {
    "title": "How refunds work",
    "body": "A charge made twice is sent back within five working days. Nothing needs to be done for it.",
    "tags": ["billing"],
}


class ChangedArticleSchema(Schema):
    """An article's whole content; its external id stays."""

    title = Line(MAX_TITLE_CHARACTERS, required=True)
    body = LongText(MAX_BODY_CHARACTERS, required=True, metadata={"description": "In the format that `format` names."})
    format = fields.String(
        load_default="markdown",
        validate=validate.OneOf(FORMATS),
        metadata={
            "description": "How `body` is written. Kept are the words a customer may read, in plain text; `text` is"
            " kept as it is, which suits what another article's `body` says."
        },
    )
    tags = fields.List(Line(MAX_TAG_CHARACTERS), load_default=list, validate=validate.Length(max=MAX_TAGS))

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> NewArticle:
        """Build what the use case takes."""
        try:
            read = read_article(loaded["body"], loaded.pop("format"), loaded["title"])
        except InvalidInputError as error:
            raise ValidationError(str(error), "body") from None
        if reason := find_unpublished(read.head, is_export=False):
            raise ValidationError(f"Not for customers: {reason}. To take an article back, delete it.", "body")
        if not read.text:
            raise ValidationError("There is no text in it.", "body")
        return NewArticle(**{**loaded, "body": read.text, "left_out": read.left_out})


class NewArticleSchema(ChangedArticleSchema):
    """An article of the knowledge base."""

    external_id = Line(
        MAX_EXTERNAL_ID_CHARACTERS,
        allow_none=True,
        load_default=None,
        metadata={"description": "Your own key; unique among articles."},
    )


class SearchQuery(Schema):
    """What to look for."""

    q = Line(1000, required=True, metadata={"description": "A question, as a customer would put it."})
    limit = WholeNumber(load_default=5, validate=validate.Range(1, 50))


class ArticleSchema(ShownSchema):
    """An article of the knowledge base."""

    id = fields.UUID(required=True)
    external_id = fields.String(required=True, allow_none=True)
    title = fields.String(required=True)
    body = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    version = fields.Integer(required=True)
    created_at = shown_instant("When it was written.", required=True)
    updated_at = shown_instant("When it was changed.", required=True)


class WrittenArticleSchema(ArticleSchema):
    """An article as it was stored, and what was not kept of what was sent."""

    left_out = fields.List(
        fields.String(),
        metadata={"description": "What a customer would not see or should not, how often; absent if nothing was."},
    )


class ArticlePageSchema(ShownSchema):
    """A page of articles, newest first."""

    articles = fields.List(fields.Nested(ArticleSchema), required=True)


class VersionSchema(ShownSchema):
    """What an article said in one of its versions."""

    id = fields.UUID(attribute="article_id", required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    body = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    created_at = shown_instant("When this version was written.", required=True)


class VersionPageSchema(ShownSchema):
    """A page of an article's versions, the newest first."""

    versions = fields.List(fields.Nested(VersionSchema), required=True)


class VersionPageQuery(Schema):
    """Which page of an article's versions."""

    limit = WholeNumber(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = WholeNumber(
        load_default=None,
        validate=validate.Range(1, MAX_VERSION),
        metadata={"description": "From the `Link` of the page before."},
    )


def _part(description: str) -> fields.Float:
    return fields.Float(required=True, metadata={"description": description})


class EvidenceSchema(ShownSchema):
    """What the confidence is estimated from."""

    similarity = _part("Cosine of the question and the article, less what all titles have in common.")
    nearness = _part("The same with what they have in common.")
    title = _part("Cosine of the question and the article's title.")
    lead = _part("How far the passage lies above the best other article's; negative for all but the first.")
    overlap_lead = _part("The same for the share of the question's words the article has.")
    rarity = _part("How few articles have the question's words, on average.")
    sentences = _part("How many sentences of the ticket are part of the question.")
    strange_name = _part("1 where the title has a name, such as a product's, and the question none of its names.")
    title_words = _part("How many words of the title carry meaning, six at most.")
    support = _part("Square root of how likely the article answers by another part of the ticket alone.")


class PassageSchema(ShownSchema):
    """A piece of an article that may answer the question, and why it was found."""

    article_id = fields.UUID(required=True)
    article_version = fields.Integer(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    start = fields.Integer(required=True, metadata={"description": "Its first character in the article's body."})
    score = _part("What results are ordered by: `similarity` plus a twentieth of `lexical`. Compare within one search.")
    similarity = _part("Cosine with the question's parts, halfway between the nearest and their mean.")
    lexical = _part("Its BM25 score as a share of the best passage's, in [0, 1].")
    confidence = _part("How likely it answers, in [0, 1], judged by `evidence`.")
    evidence = fields.Nested(EvidenceSchema, required=True)
    threshold = _part("`TICKETFLOW_ANSWER_CONFIDENCE`: the confidence from which the embedded engine quotes it.")
    is_sure = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether `confidence` reaches `threshold`. A ticket is answered from it then, unless it"
            " needs a person, is in another language, or no sentence of the passage speaks to it."
        },
    )


class SearchResultSchema(ShownSchema):
    """The best passages, best first, at most one per article."""

    results = fields.List(fields.Nested(PassageSchema), required=True)
