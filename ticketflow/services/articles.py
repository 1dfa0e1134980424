"""The knowledge base as its editors see it: create, read, update, delete, import."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal
from uuid import UUID

from ticketflow.errors import InvalidInputError, NotFoundError
from ticketflow.services.valid_text import CONTROL, UNSTORABLE
from ticketflow.storage.articles import (
    NewArticle,
    advance_article,
    erase_article,
    find_by_external_id,
    get_article,
    get_version,
    page_articles,
    page_versions,
    record_article,
)
from ticketflow.storage.models import Article, ArticleVersion
from ticketflow.storage.session import Sessions

Imported = Literal["created", "updated", "unchanged"]
# About 100 pages. An article that long answers no single question; make several of it.
MAX_BODY_CHARACTERS = 200_000
MAX_TITLE_CHARACTERS = 500
MAX_TAGS = 50
MAX_TAG_CHARACTERS = 100
MAX_EXTERNAL_ID_CHARACTERS = 200


def create_article(sessions: Sessions, tenant: str, new: NewArticle) -> Article:
    """Add an article; the next search finds it.

    Raises:
        ConflictError: The external id is taken.
        InvalidInputError: It is no article; see ``check_article``.
    """
    check_article(new)
    with sessions.begin() as session:
        return record_article(session, tenant, new)


def check_article(new: NewArticle) -> None:
    """Hold an article to what every way in holds it to.

    Raises:
        InvalidInputError: It is too long, blank, or not text that can be kept; the message names the field.
    """
    _check_line("title", new.title, MAX_TITLE_CHARACTERS)
    if len(new.tags) > MAX_TAGS:
        raise InvalidInputError(f"tags: more than {MAX_TAGS}")
    for tag in new.tags:
        _check_line("tags", tag, MAX_TAG_CHARACTERS)
    if new.external_id is not None:
        _check_line("external_id", new.external_id, MAX_EXTERNAL_ID_CHARACTERS)
    if not new.body.strip():
        raise InvalidInputError("body: there is no text in it")
    if len(new.body) > MAX_BODY_CHARACTERS:
        raise InvalidInputError(f"body: longer than {MAX_BODY_CHARACTERS:,} characters; make several articles of it")
    if UNSTORABLE.search(new.body):
        raise InvalidInputError("body: must not hold a NUL or half a surrogate pair")


def _check_line(name: str, line: str, longest: int) -> None:
    if not line.strip():
        raise InvalidInputError(f"{name}: must not be blank")
    if len(line) > longest:
        raise InvalidInputError(f"{name}: longer than {longest:,} characters")
    if CONTROL.search(line) or UNSTORABLE.search(line):
        raise InvalidInputError(f"{name}: must be one line without control characters")


def read_article(sessions: Sessions, tenant: str, article_id: UUID) -> Article:
    """Show one article.

    Raises:
        NotFoundError: There is none, or it was deleted.
    """
    with sessions() as session:
        return get_article(session, tenant, article_id)


def read_version(sessions: Sessions, tenant: str, article_id: UUID, version: int) -> ArticleVersion:
    """Show what an article said in one of its versions, even after it was deleted.

    Raises:
        NotFoundError: There is no such version.
    """
    with sessions() as session:
        return get_version(session, tenant, article_id, version)


def read_versions(
    sessions: Sessions, tenant: str, article_id: UUID, before: int | None, limit: int
) -> tuple[Sequence[ArticleVersion], bool]:
    """Show a page of an article's versions, the newest first, and whether an older page follows.

    Raises:
        NotFoundError: There never was such an article.
    """
    with sessions() as session:
        rows = page_versions(session, tenant, article_id, before, limit + 1)
        if not rows and before is None:
            raise NotFoundError(f"no article {article_id}")
        return rows[:limit], len(rows) > limit


def read_articles(
    sessions: Sessions, tenant: str, before_id: UUID | None, limit: int
) -> tuple[Sequence[Article], bool]:
    """Show a page of articles, newest first, and whether an older page follows."""
    with sessions() as session:
        rows = page_articles(session, tenant, before_id, limit + 1)
        return rows[:limit], len(rows) > limit


def update_article(sessions: Sessions, tenant: str, article_id: UUID, seen: int | None, new: NewArticle) -> Article:
    """Replace an article's content by its next version.

    Args:
        seen: The version the editor read; ``None`` overwrites.

    Raises:
        NotFoundError: There is no such article.
        VersionConflictError: Somebody changed it since.
        InvalidInputError: It is no article; see ``check_article``.
    """
    check_article(new)
    with sessions.begin() as session:
        return advance_article(session, tenant, article_id, seen, new)


def delete_article(sessions: Sessions, tenant: str, article_id: UUID) -> None:
    """Take an article out of every search.

    Raises:
        NotFoundError: There is no such article.
    """
    with sessions.begin() as session:
        erase_article(session, tenant, article_id)


def import_articles(sessions: Sessions, tenant: str, articles: Iterable[NewArticle]) -> Iterator[Imported]:
    """Create or update articles by external id, one transaction each; importing again changes nothing.

    Yields:
        What became of each article, as it is stored.

    Raises:
        InvalidInputError: One is no article; see ``check_article``.
    """
    for new in articles:
        check_article(new)
        with sessions.begin() as session:
            known = find_by_external_id(session, tenant, new.external_id) if new.external_id else None
            if known is None:
                record_article(session, tenant, new)
                yield "created"
            elif (known.title, known.body, list(known.tags)) == (new.title, new.body, list(new.tags)):
                yield "unchanged"
            else:
                advance_article(session, tenant, known.id, None, new)
                yield "updated"


def withdraw_articles(sessions: Sessions, tenant: str, external_ids: Iterable[str]) -> int:
    """Take articles that are not published any more out of every search, one transaction each.

    Returns:
        How many there were; citations keep naming them.
    """
    count = 0
    for external_id in external_ids:
        with sessions.begin() as session:
            known = find_by_external_id(session, tenant, external_id)
            if known is not None:
                erase_article(session, tenant, known.id)
                count += 1
    return count
