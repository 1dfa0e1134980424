"""The search tables of large knowledge bases, on the embedded PostgreSQL: the tests' own may have no pgvector."""

from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.storage.embedded import EmbeddedPostgres
from ticketflow.storage.passage_vectors import (
    DIMENSIONS,
    SearchedArticle,
    advance_base,
    count_having,
    create_search_tables,
    list_nearest,
    list_sharing,
    read_base,
)
from ticketflow.storage.session import build_engine

pytestmark = pytest.mark.embedded

A, B, C = (UUID(int=number) for number in (1, 2, 3))


@pytest.fixture(scope="module")
def engine(server_directory):
    folder = server_directory / "search-tables"
    folder.mkdir()
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    server.start()
    engine = build_engine(server.url)
    yield engine
    engine.dispose()
    server.stop()


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        assert create_search_tables(session) is None
        yield session


def axis(number: int) -> np.ndarray:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[number] = 1.0
    return vector


def article(article_id: UUID, number: int, *words: str) -> SearchedArticle:
    return SearchedArticle(article_id, axis(number), np.stack([axis(number)]), words)


def advance(session, revision, *changes, tenant="default", recipe="r1", seen=None) -> None:
    named = {change if isinstance(change, UUID) else change.article_id: change for change in changes}
    taken = {key: None if isinstance(change, UUID) else change for key, change in named.items()}
    advance_base(session, seen or read_base(session, tenant, recipe), revision, taken)


def count(session, table: str) -> int:
    return session.scalar(text(f"SELECT count(*) FROM ticketflow_search.{table}"))


def test_tables_are_made_once(session):
    assert create_search_tables(session) is None


def test_a_session_that_only_reads_makes_no_tables(engine):
    with Session(engine) as session:
        session.execute(text("SET TRANSACTION READ ONLY"))

        assert "only read" in create_search_tables(session)


def test_a_base_grows_by_what_is_added_and_shrinks_by_what_goes(session):
    advance(session, 5, article(A, 0, "parcel", "lost"), article(B, 1, "parcel"))
    grown = read_base(session, "default", "r1")
    advance(session, 7, article(A, 2, "found"), B, C)
    shrunk = read_base(session, "default", "r1")

    assert (grown.revision, grown.articles) == (5, 2)
    assert np.array_equal(grown.titles, axis(0) + axis(1))
    assert (shrunk.revision, shrunk.articles) == (7, 1)
    assert np.array_equal(shrunk.titles, axis(2))
    words = {word: number for word, number in count_having(session, "default", ["parcel", "found"]).items() if number}
    assert words == {"found": 1}
    assert (count(session, "articles"), count(session, "passages")) == (1, 1)


def test_words_are_counted_in_how_many_articles_of_the_tenant_they_occur(session):
    advance(session, 1, article(A, 0, "parcel", "lost"))
    advance(session, 2, article(B, 1, "parcel"))
    advance(session, 1, article(C, 1, "parcel", "lost"), tenant="other")

    assert count_having(session, "default", ["parcel", "lost", "red"]) == {"parcel": 2, "lost": 1}
    assert count_having(session, "default", ["lost"]) == {"lost": 1}


def test_changes_that_another_process_took_over_meanwhile_are_not_taken_twice(session):
    seen = read_base(session, "default", "r1")
    advance(session, 1, article(A, 0, "parcel"), seen=seen)

    advance(session, 2, article(B, 0, "parcel"), seen=seen)

    assert (read_base(session, "default", "r1").revision, count(session, "articles")) == (1, 1)


def test_a_base_is_the_tenant_s_and_the_recipe_s(session):
    advance(session, 3, article(A, 0, "parcel"))

    for tenant, recipe in (("other", "r1"), ("default", "r2")):
        base = read_base(session, tenant, recipe)
        assert (base.revision, base.articles, base.titles.any()) == (0, 0, False)


def test_another_recipe_begins_afresh_and_leaves_other_tenants_alone(session):
    advance(session, 3, article(A, 0, "parcel"))
    advance(session, 3, article(B, 0, "parcel"), tenant="other")

    advance(session, 4, article(C, 1, "parcel"), recipe="r2")

    assert read_base(session, "default", "r2").articles == 1
    assert count_having(session, "default", ["parcel"]) == {"parcel": 1}
    assert count_having(session, "other", ["parcel"]) == {"parcel": 1}
    assert read_base(session, "other", "r1").articles == 1
    assert list_nearest(session, "default", np.stack([axis(0)]), 5) == {C}
    assert list_sharing(session, "default", {"parcel": 1.0}, 5) == {C}
    assert [count(session, table) for table in ("bases", "articles", "passages", "words")] == [2, 2, 2, 2]


def test_the_nearest_passages_of_the_tenant_are_found_for_each_question(session):
    advance(session, 1, article(A, 0), article(B, 1))
    advance(session, 1, article(C, 0), tenant="other")

    assert list_nearest(session, "default", np.stack([axis(0)]), 1) == {A}
    assert list_nearest(session, "default", np.stack([axis(0), axis(1)]), 1) == {A, B}
    assert list_nearest(session, "default", np.stack([axis(0)]), 2) == {A, B}


def test_articles_that_share_the_weightiest_words_are_found(session):
    advance(session, 1, article(A, 0, "parcel", "lost"), article(B, 1, "refund"), article(C, 2, "other"))
    advance(session, 1, article(UUID(int=9), 0, "refund", "parcel", "lost"), tenant="other")
    weights = {"parcel": 1.0, "lost": 1.0, "refund": 3.0}

    assert list_sharing(session, "default", weights, 1) == {B}
    assert list_sharing(session, "default", weights | {"refund": 1.5}, 1) == {A}
    assert list_sharing(session, "default", weights | {"refund": 2.0}, 1) == {A}  # as heavy: the older one
    assert list_sharing(session, "default", weights, 9) == {A, B}


@pytest.mark.parametrize("setting", ["hnsw.ef_search", "hnsw.iterative_scan", "enable_seqscan"])
def test_how_to_search_is_set_for_the_transaction_alone(engine, setting):
    show = text(f"SELECT current_setting('{setting}', true)")
    with engine.connect() as connection, connection.begin(), Session(connection) as session:
        create_search_tables(session)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOAD 'vector'")
        before = connection.scalar(show)
        connection.rollback()
        with Session(connection) as session:
            create_search_tables(session)
            list_nearest(session, "default", np.stack([axis(0)]), 1)
            list_sharing(session, "default", {"a": 1.0}, 1)
            within = session.scalar(show)
            session.execute(text("DROP SCHEMA ticketflow_search CASCADE"))
            session.commit()

        assert within != before == connection.scalar(show)
