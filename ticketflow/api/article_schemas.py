"""What articles look like on their way in and out."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from ticketflow.api.fields import Line, LongText, ShownSchema, shown_instant
from ticketflow.storage.articles import NewArticle

MAX_TAGS = 50

ARTICLE = {
    "title": "How refunds work",
    "body": "A charge made twice is sent back within five working days. Nothing needs to be done for it.",
    "tags": ["billing"],
}


class ChangedArticleSchema(Schema):
    """An article's whole content; its external id stays."""

    title = Line(500, required=True)
    body = LongText(200_000, required=True, metadata={"description": "Markdown or plain text."})
    tags = fields.List(Line(100), load_default=list, validate=validate.Length(max=MAX_TAGS))

    @post_load
    def build(self, loaded: dict[str, Any], **_: Any) -> NewArticle:
        """Build what the use case takes."""
        return NewArticle(**loaded)


class NewArticleSchema(ChangedArticleSchema):
    """An article of the knowledge base."""

    external_id = Line(
        200, allow_none=True, load_default=None, metadata={"description": "Your own key; unique among articles."}
    )


class SearchQuery(Schema):
    """What to look for."""

    q = Line(1000, required=True, metadata={"description": "A question, as a customer would put it."})
    limit = fields.Integer(load_default=5, validate=validate.Range(1, 50))


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


class ArticlePageSchema(ShownSchema):
    """A page of articles, newest first."""

    articles = fields.List(fields.Nested(ArticleSchema), required=True)


class PassageSchema(ShownSchema):
    """A piece of an article that may answer the question."""

    article_id = fields.UUID(required=True)
    article_version = fields.Integer(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    score = fields.Float(required=True, metadata={"description": "Relevance; comparable within one search only."})
    confidence = fields.Float(required=True, metadata={"description": "How likely it answers, in [0, 1]."})


class SearchResultSchema(ShownSchema):
    """The best passages, best first, at most one per article."""

    results = fields.List(fields.Nested(PassageSchema), required=True)
