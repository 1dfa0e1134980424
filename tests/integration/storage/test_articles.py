import pytest
from sqlalchemy import select

from tests.integration.storage.rows import HOUR, NOW, TENANTS, add, add_article, change, reread
from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.articles import (
    NewArticle,
    StoredPassage,
    advance_article,
    count_passages,
    erase_article,
    find_by_external_id,
    get_article,
    get_version,
    latest_revision,
    list_changed,
    list_current,
    list_passages,
    page_articles,
    page_versions,
    record_article,
    replace_passages,
)
from ticketflow.storage.models import Article, ArticlePassage

NEW = NewArticle("Reset", "Click.", ("account",), "kb-1")
CHANGED = NewArticle("Reset it", "Click here.", ("login",), "ignored")
PASSAGES = [StoredPassage("title", b"0"), StoredPassage("text", b"1")]


@pytest.fixture
def article(session) -> Article:
    return record_article(session, "default", NEW)


def test_an_external_id_is_taken_within_its_tenant_alone(session, article):
    foreign = record_article(session, "other", NEW)
    nameless = [record_article(session, "default", NewArticle("a", "b")) for _ in range(2)]

    with pytest.raises(ConflictError, match="kb-1"):
        record_article(session, "default", NEW)

    assert find_by_external_id(session, "default", "kb-1") is article
    assert find_by_external_id(session, "other", "kb-1") is foreign
    assert find_by_external_id(session, "default", "kb-2") is None
    assert [each.external_id for each in nameless] == [None, None]


def test_a_change_makes_the_next_version_and_a_later_revision_and_keeps_the_former_text(session, article):
    change(session, article, updated_at=NOW - HOUR)
    before = (article.version, article.revision, article.updated_at)

    advance_article(session, "default", article.id, 1, CHANGED)

    now = reread(session, article)
    assert (now.version, now.title, now.body, now.tags) == (2, "Reset it", "Click here.", ["login"])
    assert now.external_id == "kb-1"
    assert now.revision > before[1]
    assert now.updated_at > before[2]
    versions = page_versions(session, "default", article.id, None, 10)
    assert [(each.version, each.title, each.body, each.tags) for each in versions] == [
        (2, "Reset it", "Click here.", ["login"]),
        (1, "Reset", "Click.", ["account"]),
    ]


def test_a_change_of_another_version_than_the_one_that_was_seen_is_refused(session, article):
    for seen in (0, 2):
        with pytest.raises(VersionConflictError, match="version 1"):
            advance_article(session, "default", article.id, seen, CHANGED)

    assert reread(session, article).title == "Reset"
    assert advance_article(session, "default", article.id, None, CHANGED).version == 2


def test_a_deleted_article_leaves_searches_and_its_name_but_not_its_versions(session, article):
    other = record_article(session, "default", NewArticle("a", "b"))
    for each in (article, other):
        replace_passages(session, each, "minilm", PASSAGES)
    before = article.revision

    erase_article(session, "default", article.id)
    session.flush()

    assert reread(session, article).deleted_at is not None
    assert article.revision > before
    assert find_by_external_id(session, "default", "kb-1") is None
    assert set(session.scalars(select(ArticlePassage.article_id))) == {other.id}
    assert get_version(session, "default", article.id, 1).title == "Reset"
    for attempt in (get_article, erase_article):
        with pytest.raises(NotFoundError):
            attempt(session, "default", article.id)
    assert page_articles(session, "default", None, 10) == [other]
    assert list_changed(session, "default", before) == [other, article]


def test_articles_and_versions_belong_to_their_tenant(session, article):
    with pytest.raises(NotFoundError):
        get_article(session, "other", article.id)
    with pytest.raises(NotFoundError):
        get_version(session, "other", article.id, 1)
    with pytest.raises(NotFoundError):
        get_version(session, "default", article.id, 2)

    assert get_article(session, "default", article.id) is article
    assert page_versions(session, "other", article.id, None, 10) == []
    assert page_versions(session, "default", add_article(session).id, None, 10) == []


def test_versions_are_paged_newest_first(session, article):
    for _ in range(3):
        advance_article(session, "default", article.id, None, CHANGED)

    def page(before, limit):
        return [each.version for each in page_versions(session, "default", article.id, before, limit)]

    assert [page(None, 10), page(None, 2), page(3, 10)] == [[4, 3, 2, 1], [4, 3], [2, 1]]


def test_articles_are_paged_newest_first(session):
    first, second, third = (add_article(session) for _ in range(3))
    add_article(session, tenant="other")

    assert page_articles(session, "default", None, 10) == [third, second, first]
    assert page_articles(session, "default", None, 2) == [third, second]
    assert page_articles(session, "default", third.id, 10) == [second, first]


def test_changes_are_listed_in_order_after_a_revision(session):
    assert [latest_revision(session, tenant) for tenant in TENANTS] == [0, 0]
    first, second = add_article(session, revision=20), add_article(session, revision=10)
    third = add_article(session, revision=30, deleted_at=NOW)
    add_article(session, revision=40, tenant="other")

    assert list_changed(session, "default", 0) == [second, first, third]
    assert list_changed(session, "default", 10) == [first, third]
    assert list_changed(session, "default", 0, limit=2) == [second, first]
    assert [latest_revision(session, tenant) for tenant in TENANTS] == [30, 40]


def test_passages_are_those_of_one_article_its_current_version_and_one_encoder(session):
    article, other = add_article(session, version=2), add_article(session, version=2)
    deleted = add_article(session, version=2, deleted_at=NOW)
    for each, version, encoder, ordinal in [
        (article, 2, "minilm", 1),
        (article, 2, "minilm", 0),
        (article, 1, "minilm", 2),
        (article, 2, "older", 3),
        (other, 1, "minilm", 0),
        (deleted, 2, "minilm", 0),
    ]:
        values = {"article_version": version, "encoder": encoder, "ordinal": ordinal}
        add(session, ArticlePassage, article_id=each.id, text=f"{ordinal}", vector=b"", **values)

    expected = [StoredPassage("0", b""), StoredPassage("1", b"")]
    assert list_passages(session, article, "minilm") == expected
    assert list_passages(session, article, "older") == [StoredPassage("3", b"")]
    assert list_passages(session, other, "minilm") == []
    assert list_current(session, [article.id, other.id, deleted.id], "minilm") == [(article, expected)]
    assert list_current(session, [other.id], "minilm") == []


def test_passages_are_counted_for_a_tenant_without_titles(session):
    for tenant in TENANTS:
        replace_passages(session, add_article(session, tenant=tenant), "minilm", [*PASSAGES, PASSAGES[1]])
    add_article(session)

    assert [count_passages(session, tenant) for tenant in TENANTS] == [2, 2]


def test_new_passages_replace_all_that_the_article_had(session):
    article, other = add_article(session), add_article(session)
    replace_passages(session, other, "minilm", PASSAGES)
    replace_passages(session, article, "older", PASSAGES)
    article.version = 2

    replace_passages(session, article, "minilm", PASSAGES[:1])

    rows = session.scalars(select(ArticlePassage).where(ArticlePassage.article_id == article.id)).all()
    assert [(row.ordinal, row.article_version, row.encoder, row.text, row.vector) for row in rows] == [
        (0, 2, "minilm", "title", b"0")
    ]
    assert list_passages(session, other, "minilm") == PASSAGES
    replace_passages(session, article, "minilm", [])
    assert list_passages(session, article, "minilm") == []
