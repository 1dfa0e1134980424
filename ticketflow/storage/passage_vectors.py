"""Search tables of large knowledge bases: an HNSW index over passages (pgvector), and which articles have a word.

They follow from the articles and may be dropped at any time (``DROP SCHEMA ticketflow_search CASCADE``): the next
process that starts makes them again. No migration makes them, because pgvector is not there everywhere.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

Floats = NDArray[np.float32]

DIMENSIONS = 384
# 0.8 looks further by itself where the nearest passages are other tenants' (hnsw.iterative_scan).
OLDEST_PGVECTOR = (0, 8)

_FLOAT = np.dtype("<f4")
_LOCK_TABLES = "SELECT pg_advisory_xact_lock(hashtext('ticketflow.search_tables'))"
_LOCK_BASE = "SELECT pg_advisory_xact_lock(hashtext('ticketflow.search_base'), hashtext(:tenant))"
_TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS ticketflow_search;
CREATE TABLE ticketflow_search.bases (
    tenant text PRIMARY KEY,
    recipe text NOT NULL,
    revision bigint NOT NULL,
    articles bigint NOT NULL,
    titles double precision[] NOT NULL
);
CREATE TABLE ticketflow_search.articles (
    article_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    title bytea NOT NULL,
    words text[] NOT NULL
);
CREATE INDEX ix_articles_words ON ticketflow_search.articles USING gin (words);
CREATE TABLE ticketflow_search.words (
    tenant text,
    word text,
    articles bigint NOT NULL,
    PRIMARY KEY (tenant, word)
);
CREATE TABLE ticketflow_search.passages (
    article_id uuid,
    ordinal integer,
    tenant text NOT NULL,
    vector halfvec(384) NOT NULL,
    PRIMARY KEY (article_id, ordinal)
);
CREATE INDEX ix_passages_vector ON ticketflow_search.passages USING hnsw (vector halfvec_ip_ops);
"""
# The index looks around for more than it returns; pgvector's default of 40 would end before the hundredth passage.
_LOOK_AROUND = ("SET LOCAL hnsw.ef_search = 200", "SET LOCAL hnsw.iterative_scan = relaxed_order")
# The planner takes comparing two lists of words for cheap, and reads every article rather than the index.
_BY_WORD = "SET LOCAL enable_seqscan = off"


@dataclass(frozen=True, slots=True)
class SearchBase:
    """How far a tenant's search tables have come, and what its articles have in common.

    Attributes:
        recipe: How passages were cut and encoded; tables of another recipe are made afresh.
        revision: Up to which revision of the articles the tables are right.
        articles: How many articles with passages there are.
        titles: Sum of the vectors of their titles.
    """

    tenant: str
    recipe: str
    revision: int
    articles: int
    titles: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SearchedArticle:
    """An article on its way into the search tables.

    Attributes:
        title: Vector of its title.
        passages: Vectors of its passages, shape (n, 384).
        words: Every word it has, as questions are searched for them.
    """

    article_id: UUID
    title: Floats
    passages: Floats
    words: Collection[str]


def create_search_tables(session: Session) -> str | None:
    """Create what is missing; return why the tables cannot be had and what to do about it, else ``None``."""
    if session.scalar(text("SHOW transaction_read_only")) == "on":
        return "sessions that only read, as an evaluation's do, keep no search tables"
    session.execute(text(_LOCK_TABLES))
    if session.scalar(text("SELECT to_regclass('ticketflow_search.passages') IS NOT NULL")):
        return None
    offered = "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'"
    version: str | None = session.scalar(text(offered))
    if version is None:
        return "the server has no pgvector; install it (such as apt install postgresql-18-pgvector) and restart"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PGVECTOR:
        return f"pgvector is {version}; install 0.8 or later, run ALTER EXTENSION vector UPDATE, and restart"
    try:
        with session.begin_nested():
            session.connection().exec_driver_sql(_TABLES)
    except ProgrammingError as error:
        return (
            f"{error.orig}; run CREATE EXTENSION vector as a superuser, let this account create a schema, and restart"
        )
    return None


def read_base(session: Session, tenant: str, recipe: str) -> SearchBase:
    """Read how far a tenant's tables have come; at revision 0 before the first change is taken over."""
    held = "SELECT revision, articles, titles FROM ticketflow_search.bases WHERE tenant = :tenant AND recipe = :recipe"
    row = session.execute(text(held), {"tenant": tenant, "recipe": recipe}).one_or_none()
    if row is None:
        return SearchBase(tenant, recipe, 0, 0, np.zeros(DIMENSIONS))
    return SearchBase(tenant, recipe, row.revision, row.articles, np.array(row.titles))


def advance_base(
    session: Session, seen: SearchBase, revision: int, changes: Mapping[UUID, SearchedArticle | None]
) -> None:
    """Take over changes up to a revision, unless another process has done so meanwhile.

    Args:
        seen: How far the tables had come when the changes were listed.
        changes: ``None`` takes an article out.
    """
    session.execute(text(_LOCK_BASE), {"tenant": seen.tenant})
    if read_base(session, seen.tenant, seen.recipe).revision != seen.revision:
        return
    if seen.revision == 0:
        _clear(session, seen.tenant)
    added = [article for article in changes.values() if article is not None]
    gone = _remove(session, list(changes))
    counts = Counter(word for article in added for word in article.words)
    counts.subtract(word for _, words in gone for word in words)
    titles = seen.titles + sum(article.title.astype(np.float64) for article in added)
    titles -= sum(np.frombuffer(title, dtype=_FLOAT).astype(np.float64) for title, _ in gone)
    _insert(session, seen.tenant, added)
    _count(session, seen.tenant, counts)
    _keep(session, SearchBase(seen.tenant, seen.recipe, revision, seen.articles + len(added) - len(gone), titles))


def list_nearest(session: Session, tenant: str, vectors: Floats, limit: int) -> set[UUID]:
    """List the articles of the passages nearest to any of some unit vectors.

    Args:
        vectors: Shape (n, 384).
        limit: How many passages for each vector.
    """
    for statement in _LOOK_AROUND:
        session.execute(text(statement))
    # Materialized, or each question would be parsed anew for every passage it is compared with.
    nearest = text(
        "WITH asked AS MATERIALIZED (SELECT CAST(each AS halfvec(384)) AS question"
        " FROM unnest(CAST(:vectors AS text[])) AS each) SELECT near.article_id FROM asked CROSS JOIN LATERAL ("
        " SELECT article_id FROM ticketflow_search.passages WHERE tenant = :tenant"
        " ORDER BY vector <#> question LIMIT :limit) AS near"
    )
    spelled = [_spell(vector) for vector in vectors]
    return set(session.scalars(nearest, {"tenant": tenant, "vectors": spelled, "limit": limit}))


def list_sharing(session: Session, tenant: str, weights: Mapping[str, float], limit: int) -> set[UUID]:
    """List the articles that share the most of some weighed words, at least one of them."""
    session.execute(text(_BY_WORD))
    sharing = text(
        "WITH held AS MATERIALIZED (SELECT article_id, words FROM ticketflow_search.articles"
        " WHERE tenant = :tenant AND words && CAST(:words AS text[]))"
        " SELECT article_id FROM held CROSS JOIN LATERAL unnest(held.words) AS has (word)"
        " JOIN unnest(CAST(:words AS text[]), CAST(:weights AS double precision[])) AS asked (word, weight)"
        " ON asked.word = has.word GROUP BY article_id ORDER BY sum(weight) DESC, article_id LIMIT :limit"
    )
    asked = {"words": list(weights), "weights": list(weights.values())}
    return set(session.scalars(sharing, {"tenant": tenant, "limit": limit, **asked}))


def count_having(session: Session, tenant: str, words: Collection[str]) -> dict[str, int]:
    """Count in how many articles each word occurs; one that is in none may be left out."""
    having = "SELECT word, articles FROM ticketflow_search.words WHERE tenant = :tenant AND word = ANY(:words)"
    rows = session.execute(text(having), {"tenant": tenant, "words": list(words)})
    return {row.word: row.articles for row in rows}


def _clear(session: Session, tenant: str) -> None:
    session.execute(text("DELETE FROM ticketflow_search.articles WHERE tenant = :tenant"), {"tenant": tenant})
    session.execute(text("DELETE FROM ticketflow_search.passages WHERE tenant = :tenant"), {"tenant": tenant})
    session.execute(text("DELETE FROM ticketflow_search.words WHERE tenant = :tenant"), {"tenant": tenant})
    session.execute(text("DELETE FROM ticketflow_search.bases WHERE tenant = :tenant"), {"tenant": tenant})


def _remove(session: Session, article_ids: list[UUID]) -> list[tuple[bytes, list[str]]]:
    """Take articles out; return the title's vector and the words of those that were in."""
    session.execute(text("DELETE FROM ticketflow_search.passages WHERE article_id = ANY(:ids)"), {"ids": article_ids})
    gone = text("DELETE FROM ticketflow_search.articles WHERE article_id = ANY(:ids) RETURNING title, words")
    return [(bytes(row.title), row.words) for row in session.execute(gone, {"ids": article_ids})]


def _insert(session: Session, tenant: str, added: Sequence[SearchedArticle]) -> None:
    articles = [
        {
            "article_id": article.article_id,
            "tenant": tenant,
            "title": article.title.astype(_FLOAT).tobytes(),
            "words": sorted(article.words),
        }
        for article in added
    ]
    passages = [
        {"article_id": article.article_id, "ordinal": ordinal, "tenant": tenant, "vector": _spell(vector)}
        for article in added
        for ordinal, vector in enumerate(article.passages)
    ]
    if articles:
        values = "VALUES (:article_id, :tenant, :title, :words)"
        session.execute(text(f"INSERT INTO ticketflow_search.articles {values}"), articles)
    if passages:
        values = "VALUES (:article_id, :ordinal, :tenant, CAST(CAST(:vector AS text) AS halfvec))"
        session.execute(text(f"INSERT INTO ticketflow_search.passages {values}"), passages)


def _count(session: Session, tenant: str, counts: Mapping[str, int]) -> None:
    changed = {word: count for word, count in counts.items() if count}
    add = text(
        "INSERT INTO ticketflow_search.words AS held SELECT :tenant, word, count"
        " FROM unnest(CAST(:words AS text[]), CAST(:counts AS bigint[])) AS changed (word, count)"
        " ON CONFLICT (tenant, word) DO UPDATE SET articles = held.articles + excluded.articles"
    )
    session.execute(add, {"tenant": tenant, "words": list(changed), "counts": list(changed.values())})


def _keep(session: Session, base: SearchBase) -> None:
    keep = text(
        "INSERT INTO ticketflow_search.bases (tenant, recipe, revision, articles, titles)"
        " VALUES (:tenant, :recipe, :revision, :articles, :titles) ON CONFLICT (tenant) DO UPDATE SET"
        " revision = excluded.revision, articles = excluded.articles, titles = excluded.titles"
    )
    values = {"tenant": base.tenant, "recipe": base.recipe, "revision": base.revision, "articles": base.articles}
    session.execute(keep, {**values, "titles": base.titles.tolist()})


def _spell(vector: Floats) -> str:
    """Write a vector as pgvector reads it."""
    return f"[{','.join(f'{number:.5g}' for number in vector.tolist())}]"
