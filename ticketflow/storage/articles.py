"""The knowledge base: articles, their versions, and the passages engines search."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import ARTICLE_REVISION, Article, ArticlePassage, ArticleVersion


@dataclass(frozen=True, slots=True)
class NewArticle:
    """A validated article on its way in.

    Attributes:
        title: One line; searched and shown with every citation.
        body: Markdown or plain text.
        tags: Free labels.
        external_id: The caller's own key; importing the same key again updates the article.
        left_out: How much of what was not kept of its source, by what to call it; not stored.
    """

    title: str
    body: str
    tags: Sequence[str] = ()
    external_id: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its vector: float32 numbers, little-endian, packed."""

    text: str
    vector: bytes


def record_article(session: Session, tenant: str, new: NewArticle) -> Article:
    """Insert an article.

    Raises:
        ConflictError: The external id is taken; update that article instead.
    """
    _order_revisions(session, tenant)
    if new.external_id is not None and find_by_external_id(session, tenant, new.external_id) is not None:
        raise ConflictError(f"an article with external_id {new.external_id!r} exists; update it instead")
    article = Article(id=new_id(), tenant=tenant, title=new.title, body=new.body, tags=list(new.tags))
    article.external_id = new.external_id
    session.add(article)
    session.flush()
    _keep_version(session, article)
    return article


def advance_article(session: Session, tenant: str, article_id: UUID, seen: int | None, new: NewArticle) -> Article:
    """Replace an article's content by its next version.

    Args:
        seen: The version the caller read; ``None`` overwrites whatever is there.

    Raises:
        NotFoundError: No such article.
        VersionConflictError: Somebody changed it since.
    """
    _order_revisions(session, tenant)
    current = get_article(session, tenant, article_id)
    if seen is not None and current.version != seen:
        raise VersionConflictError(f"the article is at version {current.version}, not {seen}; read it again")
    current.title, current.body, current.tags = new.title, new.body, list(new.tags)
    _touch(session, current)
    current.version += 1
    session.flush()
    _keep_version(session, current)
    return current


def erase_article(session: Session, tenant: str, article_id: UUID) -> None:
    """Take an article out of every search; its row stays for the citations that name it.

    Raises:
        NotFoundError: No such article.
    """
    _order_revisions(session, tenant)
    article = get_article(session, tenant, article_id)
    article.deleted_at = datetime.now(UTC)
    article.external_id = None
    _touch(session, article)
    session.execute(delete(ArticlePassage).where(ArticlePassage.article_id == article_id))


def get_article(session: Session, tenant: str, article_id: UUID) -> Article:
    """Read one article.

    Raises:
        NotFoundError: This tenant has no such article, or it was deleted.
    """
    query = select(Article).where(Article.id == article_id, Article.tenant == tenant, Article.deleted_at.is_(None))
    article = session.scalar(query)
    if article is None:
        raise NotFoundError(f"no article {article_id}")
    return article


def find_by_external_id(session: Session, tenant: str, external_id: str) -> Article | None:
    """Read an article by the caller's own key."""
    return session.scalar(select(Article).where(Article.tenant == tenant, Article.external_id == external_id))


def get_version(session: Session, tenant: str, article_id: UUID, version: int) -> ArticleVersion:
    """Read what an article said in one of its versions, even after it was deleted: citations name it.

    Raises:
        NotFoundError: This tenant has no such article, or it had no such version.
    """
    found = session.get(ArticleVersion, (article_id, version))
    if found is None or found.tenant != tenant:
        raise NotFoundError(f"no version {version} of article {article_id}")
    return found


def page_versions(
    session: Session, tenant: str, article_id: UUID, before: int | None, limit: int
) -> Sequence[ArticleVersion]:
    """List up to ``limit`` versions of an article, the newest first; those of a deleted one too."""
    query = select(ArticleVersion).where(ArticleVersion.article_id == article_id, ArticleVersion.tenant == tenant)
    if before is not None:
        query = query.where(ArticleVersion.version < before)
    return session.scalars(query.order_by(ArticleVersion.version.desc()).limit(limit)).all()


def page_articles(session: Session, tenant: str, before_id: UUID | None, limit: int) -> Sequence[Article]:
    """List up to ``limit`` articles, newest first."""
    query = select(Article).where(Article.tenant == tenant, Article.deleted_at.is_(None))
    if before_id is not None:
        query = query.where(Article.id < before_id)
    return session.scalars(query.order_by(Article.id.desc()).limit(limit)).all()


def latest_revision(session: Session, tenant: str) -> int:
    """Return a number that grows with every change to the tenant's articles; 0 without any."""
    return session.scalar(select(func.max(Article.revision)).where(Article.tenant == tenant)) or 0


def list_changed(session: Session, tenant: str, after_revision: int, limit: int | None = None) -> Sequence[Article]:
    """List articles changed after a revision, deleted ones too, in order of change; up to ``limit`` of them."""
    query = select(Article).where(Article.tenant == tenant, Article.revision > after_revision)
    return session.scalars(query.order_by(Article.revision).limit(limit)).all()


def list_current(
    session: Session, article_ids: Collection[UUID], encoder: str
) -> list[tuple[Article, list[StoredPassage]]]:
    """List articles with their passages as one encoder saw the current version; those without are left out."""
    of_these = ArticlePassage.article_id.in_(article_ids), ArticlePassage.encoder == encoder
    passages = session.scalars(select(ArticlePassage).where(*of_these).order_by(ArticlePassage.ordinal)).all()
    articles = session.scalars(select(Article).where(Article.id.in_(article_ids), Article.deleted_at.is_(None)))
    stored: dict[tuple[UUID, int], list[StoredPassage]] = {}
    for row in passages:
        stored.setdefault((row.article_id, row.article_version), []).append(StoredPassage(row.text, row.vector))
    pairs = [(article, stored.get((article.id, article.version), [])) for article in articles]
    return [pair for pair in pairs if pair[1]]


def count_passages(session: Session, tenant: str) -> int:
    """Count the stored passages of a tenant's articles, titles not among them."""
    joined = select(func.count()).select_from(ArticlePassage).join(Article, Article.id == ArticlePassage.article_id)
    return session.scalar(joined.where(Article.tenant == tenant, ArticlePassage.ordinal > 0)) or 0


def list_passages(session: Session, article: Article, encoder: str) -> list[StoredPassage]:
    """List an article's passages as one encoder saw its current version; empty when not yet made."""
    query = select(ArticlePassage).where(
        ArticlePassage.article_id == article.id,
        ArticlePassage.article_version == article.version,
        ArticlePassage.encoder == encoder,
    )
    rows = session.scalars(query.order_by(ArticlePassage.ordinal))
    return [StoredPassage(row.text, row.vector) for row in rows]


def replace_passages(session: Session, article: Article, encoder: str, passages: Sequence[StoredPassage]) -> None:
    """Store the passages of an article's current version; older ones go.

    Processes that made them at the same time store them one after the other.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:article_id))"), {"article_id": str(article.id)})
    session.execute(delete(ArticlePassage).where(ArticlePassage.article_id == article.id))
    rows = [
        {
            "article_id": article.id,
            "ordinal": ordinal,
            "article_version": article.version,
            "encoder": encoder,
            "text": passage.text,
            "vector": passage.vector,
        }
        for ordinal, passage in enumerate(passages)
    ]
    if rows:
        session.execute(insert(ArticlePassage), rows)


def _keep_version(session: Session, article: Article) -> None:
    session.execute(
        insert(ArticleVersion).values(
            article_id=article.id,
            version=article.version,
            tenant=article.tenant,
            title=article.title,
            body=article.body,
            tags=article.tags,
        )
    )


def _touch(session: Session, article: Article) -> None:
    article.revision = session.scalar(select(ARTICLE_REVISION.next_value())) or 0
    article.updated_at = datetime.now(UTC)


def _order_revisions(session: Session, tenant: str) -> None:
    """Let one writer at a time change a tenant's articles, so that revisions appear in order.

    A reader that has seen revision 7 may then never miss a 6 that commits later.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ticketflow.articles'), hashtext(:t))"), {"t": tenant})
