"""The knowledge base: read, write and search articles."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask.views import MethodView

from ticketflow.api.article_schemas import (
    ARTICLE,
    ArticlePageSchema,
    ArticleSchema,
    ChangedArticleSchema,
    NewArticleSchema,
    SearchQuery,
    SearchResultSchema,
    VersionPageQuery,
    VersionPageSchema,
    VersionSchema,
    WrittenArticleSchema,
)
from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.conditional import (
    ETAG_HEADER,
    IF_MATCH,
    IF_NONE_MATCH,
    answer_unless_known,
    build_etag,
    read_if_match,
)
from ticketflow.api.fields import MAX_VERSION
from ticketflow.api.openapi import Blueprint
from ticketflow.api.paging import LINK_HEADER, PageQuery, answer_page
from ticketflow.markup.article_text import describe_left_out
from ticketflow.services.articles import (
    create_article,
    delete_article,
    read_article,
    read_articles,
    read_version,
    read_versions,
    update_article,
)
from ticketflow.storage import models
from ticketflow.storage.articles import NewArticle

Answer = tuple[dict[str, Any], int, dict[str, str]]

blp = Blueprint("articles", __name__, url_prefix="/articles", description="What your team already wrote down")


@blp.route("")
class Articles(MethodView):
    """All articles."""

    @blp.arguments(NewArticleSchema, example=ARTICLE)
    @blp.response(201, WrittenArticleSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 409, 413, 415, 503)
    def post(self, new: NewArticle) -> Answer:
        """Add an article; the next search finds it."""
        article = create_article(backend().sessions, current_caller().tenant, new)
        location = url_for("articles.article", article_id=article.id)
        return _answer_written(article, new), HTTPStatus.CREATED, {"Location": location, **build_etag(article.version)}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, ArticlePageSchema, headers=LINK_HEADER)
    @blp.problems(401, 503)
    def get(self, page: dict[str, Any]) -> Response:
        """List articles, newest first."""
        tenant = current_caller().tenant
        articles, has_more = read_articles(backend().sessions, tenant, page["cursor"], page["limit"])
        return answer_page("articles", ArticleSchema(), articles, has_more=has_more)


@blp.route("/search")
class ArticleSearch(MethodView):
    """Search, as the research step does."""

    @blp.arguments(SearchQuery, location="query")
    @blp.response(200, SearchResultSchema)
    @blp.problems(401, 503)
    def get(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Find passages that may answer a question, best first, and show why."""
        threshold = backend().settings.answer_confidence
        results = []
        for found in backend().knowledge(current_caller().tenant).explain(wanted["q"], wanted["limit"]):
            passage = found["passage"]
            judged = {"threshold": threshold, "is_sure": passage["confidence"] >= threshold}
            parts = {name: found[name] for name in ("similarity", "lexical", "evidence")}
            results.append({**passage, **parts, **judged})
        return {"results": results}


@blp.route("/<uuid:article_id>", endpoint="article")
class Article(MethodView):
    """One article."""

    @blp.response(200, ArticleSchema, headers=ETAG_HEADER)
    @blp.alt_response(304, "NOT_MODIFIED", success=True)
    @blp.problems(401, 404, 503)
    @blp.header(IF_NONE_MATCH)
    def get(self, article_id: UUID) -> Any:
        """Show an article."""
        article = read_article(backend().sessions, current_caller().tenant, article_id)
        return answer_unless_known(article, article.version)

    @blp.arguments(ChangedArticleSchema, example=ARTICLE)
    @blp.response(200, WrittenArticleSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 412, 413, 415, 503)
    @blp.header(IF_MATCH)
    def put(self, new: NewArticle, article_id: UUID) -> Answer:
        """Replace an article's content by its next version."""
        seen = read_if_match()
        article = update_article(backend().sessions, current_caller().tenant, article_id, seen, new)
        return _answer_written(article, new), HTTPStatus.OK, build_etag(article.version)

    @blp.response(204)
    @blp.problems(401, 404, 503)
    def delete(self, article_id: UUID) -> Response:
        """Take an article out of every search; citations keep naming it."""
        delete_article(backend().sessions, current_caller().tenant, article_id)
        return Response(status=HTTPStatus.NO_CONTENT)


@blp.route("/<uuid:article_id>/versions")
class ArticleVersions(MethodView):
    """All versions of one article."""

    @blp.arguments(VersionPageQuery, location="query")
    @blp.response(200, VersionPageSchema, headers=LINK_HEADER)
    @blp.problems(401, 404, 503)
    def get(self, page: dict[str, Any], article_id: UUID) -> Response:
        """List an article's versions, the newest first; a deleted article's too."""
        tenant = current_caller().tenant
        versions, has_more = read_versions(backend().sessions, tenant, article_id, page["cursor"], page["limit"])
        shown = VersionSchema()
        return answer_page("versions", shown, versions, has_more=has_more, cursor=("cursor", "version"))


@blp.route(f"/<uuid:article_id>/versions/<int(max={MAX_VERSION}):version>")
class ArticleVersion(MethodView):
    """One version of one article."""

    @blp.response(200, VersionSchema)
    @blp.problems(401, 404, 503)
    def get(self, article_id: UUID, version: int) -> models.ArticleVersion:
        """Show what an article said in the version a citation names, even if it was deleted since."""
        return read_version(backend().sessions, current_caller().tenant, article_id, version)


def _answer_written(article: models.Article, new: NewArticle) -> dict[str, Any]:
    """Show an article as it was stored; what was left out is said only now."""
    shown = {name: getattr(article, name) for name in ArticleSchema().fields}
    left_out = describe_left_out(new.left_out)
    return {**shown, "left_out": left_out} if left_out else shown
