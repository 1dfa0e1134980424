"""Bases too large for memory, on the embedded PostgreSQL: it has pgvector, the tests' own server may have none."""

import pytest
import structlog
from sqlalchemy import text
from structlog.testing import LogCapture

from tests.word_encoder import WordEncoder
from ticketflow.adapters.knowledge import EXACT_PASSAGES, StoredKnowledge
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.cli.ticket_files import read_sample_tickets
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.language import guess_language
from ticketflow.errors import TransientError
from ticketflow.evaluation.read_only import read_only
from ticketflow.services.articles import create_article, delete_article, update_article
from ticketflow.settings import Settings
from ticketflow.storage.articles import NewArticle
from ticketflow.storage.embedded import EmbeddedPostgres
from ticketflow.storage.migrate import check, upgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import question_text

FEW = 5
MANY = 100_000

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def embedded_url(server_directory):
    folder = server_directory / "pgvector"
    folder.mkdir()
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    server.start()
    upgrade(server.url)
    yield server.url
    server.stop()


@pytest.fixture
def with_pgvector(embedded_url):
    """Give sessions on the embedded database, in which each test has a tenant of its own."""
    engine = build_engine(embedded_url)
    yield build_session_factory(engine)
    engine.dispose()


@pytest.fixture
def tenant(request):
    return request.node.name


@pytest.fixture
def logs(monkeypatch):
    """Capture what the two modules log; their own loggers may be bound already by an earlier test."""
    capture = LogCapture()
    for module in ("knowledge", "large_knowledge"):
        monkeypatch.setattr(f"ticketflow.adapters.{module}.log", structlog.wrap_logger(None, processors=[capture]))
    return capture.entries


@pytest.fixture
def fill(tenant):
    """Store more articles than may be held, with their vectors, and return their ids."""

    def store(sessions, count=3 * FEW):
        articles = [
            NewArticle(f"About {name(at)}", f"The {name(at)} is in place {name(at + 1)}.") for at in range(count)
        ]
        ids = [create_article(sessions, tenant, each).id for each in articles]
        StoredKnowledge(sessions, WordEncoder(), MANY).articles_of(tenant).refresh()
        return ids

    return store


def name(number):
    return "".join(chr(ord("a") + int(digit)) * 3 for digit in f"{number:03}")


def titles(knowledge, tenant, query, limit=1):
    return [passage["title"] for passage in knowledge.search(query, limit, tenant)]


def is_large(logs, tenant):
    return {"event": "knowledge.moved_to_database", "log_level": "info", "tenant": tenant} in logs


def test_the_database_finds_what_memory_finds_for_the_sample_shop(with_pgvector, tenant, logs):
    for article in read_sample_articles().articles:
        create_article(with_pgvector, tenant, article)
    exact, large = (StoredKnowledge(with_pgvector, shared_encoder(), limit) for limit in (MANY, FEW))
    asked = [question_text(each.content["subject"], each.content["body"]) for each in read_sample_tickets()]
    # In memory alone a second encoder reads what is asked in other languages.
    questions = [question for question in asked if guess_language(question) == "en"]
    expected = [exact.search(question, 3, tenant) for question in questions]

    found = [large.search(question, 3, tenant) for question in questions]

    assert is_large(logs, tenant)
    # With fewer articles than candidates nothing is left out, so even the confidence is the same.
    assert found == expected


def test_the_right_article_is_found_among_more_than_the_candidates(with_pgvector, tenant, fill, monkeypatch):
    monkeypatch.setattr("ticketflow.adapters.large_knowledge.CANDIDATES", 3)
    fill(with_pgvector, 40)
    exact, large = (StoredKnowledge(with_pgvector, WordEncoder(), limit) for limit in (MANY, FEW))

    queries = [f"where is {name(at)}?" for at in range(40)]

    assert [titles(large, tenant, each) for each in queries] == [titles(exact, tenant, each) for each in queries]


def test_changes_to_a_large_base_are_seen_by_every_process(with_pgvector, tenant, fill):
    first, second, *_ = fill(with_pgvector)
    here, there = (StoredKnowledge(with_pgvector, WordEncoder(), FEW) for _ in range(2))
    assert titles(here, tenant, f"where is {name(0)}") == titles(there, tenant, f"where is {name(0)}")

    update_article(with_pgvector, tenant, first, None, NewArticle("Umbrellas", "Umbrellas keep you dry."))
    delete_article(with_pgvector, tenant, second)

    for knowledge in (here, there):
        assert titles(knowledge, tenant, "umbrellas dry") == ["Umbrellas"]
        everything = titles(knowledge, tenant, f"about {name(1)}", 100)
        assert len(everything) == 3 * FEW - 1
        assert not {f"About {name(0)}", f"About {name(1)}"} & {*everything}


def test_counts_follow_changes(with_pgvector, tenant, fill):
    first, second, *_ = fill(with_pgvector)
    followed = StoredKnowledge(with_pgvector, WordEncoder(), FEW)
    titles(followed, tenant, "anything")
    update_article(with_pgvector, tenant, first, None, NewArticle("Umbrellas", "Umbrellas keep you dry."))
    delete_article(with_pgvector, tenant, second)
    exact = StoredKnowledge(with_pgvector, WordEncoder(), MANY)

    query = f"about umbrellas in place {name(3)}"

    assert followed.search(query, 5, tenant) == exact.search(query, 5, tenant)


def test_a_base_moves_when_it_has_grown_too_large(with_pgvector, tenant, fill, logs):
    knowledge = StoredKnowledge(with_pgvector, WordEncoder(), FEW)
    fill(with_pgvector, FEW)
    titles(knowledge, tenant, "anything")
    assert not is_large(logs, tenant)

    fill(with_pgvector, 1)
    found = titles(knowledge, tenant, f"where is {name(4)}")

    assert is_large(logs, tenant)
    assert found == [f"About {name(4)}"]


def test_tables_of_another_encoder_are_made_afresh(with_pgvector, tenant, fill):
    fill(with_pgvector)
    old = StoredKnowledge(with_pgvector, WordEncoder(), FEW)
    titles(old, tenant, "anything")
    other = WordEncoder()
    other.name = "other words"

    new = StoredKnowledge(with_pgvector, other, FEW)

    assert titles(new, tenant, f"where is {name(4)}") == [f"About {name(4)}"]
    with pytest.raises(TransientError, match="another release"):
        titles(old, tenant, "anything")


def test_migrations_do_not_see_the_search_tables(with_pgvector, embedded_url, tenant, fill):
    fill(with_pgvector)
    titles(StoredKnowledge(with_pgvector, WordEncoder(), FEW), tenant, "anything")

    check(embedded_url)


def test_an_account_that_may_not_make_the_tables_is_told_what_to_do(embedded_url, with_pgvector, tenant, fill, logs):
    fill(with_pgvector)
    with with_pgvector.begin() as session:
        session.execute(text("DROP SCHEMA IF EXISTS ticketflow_search CASCADE"))
        session.execute(text("CREATE ROLE clerk LOGIN"))
        session.execute(text("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk"))
    engine = build_engine(embedded_url.replace("postgres@", "clerk@"))

    knowledge = StoredKnowledge(build_session_factory(engine), WordEncoder(), FEW)
    found = titles(knowledge, tenant, f"where is {name(4)}")
    engine.dispose()

    assert found == [f"About {name(4)}"]
    (warning,) = [each for each in logs if each["event"] == "knowledge.held_in_memory"]
    assert "CREATE EXTENSION vector" in warning["reason"]


def test_an_evaluation_holds_a_large_base_in_memory_and_makes_no_tables(with_pgvector, tenant, fill, logs):
    fill(with_pgvector)
    knowledge = StoredKnowledge(read_only(with_pgvector), WordEncoder(), FEW)

    assert titles(knowledge, tenant, f"where is {name(4)}") == [f"About {name(4)}"]

    assert not is_large(logs, tenant)


def test_the_limit_is_the_one_of_the_settings():
    assert Settings().exact_search_passages == EXACT_PASSAGES


def test_without_pgvector_the_base_stays_in_memory_and_says_so_once(sessions, tenant, fill, logs):
    with sessions() as session:
        if session.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")):
            pytest.skip("this PostgreSQL has pgvector")
    fill(sessions)
    knowledge = StoredKnowledge(sessions, WordEncoder(), FEW)

    found = titles(knowledge, tenant, f"where is {name(4)}")
    create_article(sessions, tenant, NewArticle("Hats", "Hats keep you warm."))
    assert titles(knowledge, tenant, "hats") == ["Hats"]

    assert found == [f"About {name(4)}"]
    (warning,) = [each for each in logs if each["event"] == "knowledge.held_in_memory"]
    assert "pgvector; install it" in warning["reason"]
