"""``ticketflow try``, with the embedded engine."""

import json

import pytest

from ticketflow.settings import load_settings

RETURN = "Return\nHow do I send a pair of shoes back that I bought last week?\n"


@pytest.fixture
def articles(tmp_path):
    path = tmp_path / "articles.jsonl"
    body = "Send shoes back that you bought within 30 days: print the label in your account and hand the parcel in."
    lines = [
        {"id": "returns", "title": "How do I send a pair of shoes back?", "body": body},
        {"id": "cards", "title": "Which cards do you take?", "body": "We take all cards."},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_a_ticket_is_answered_from_given_articles_and_not_stored(run, sessions, articles):
    result = run("try", "--articles", articles, "--json", text=RETURN)

    ticket = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (ticket["status"], ticket["subject"]) == ("completed", "Return")
    assert {citation["article_id"] for citation in ticket["citations"]} == {"returns"}
    assert (
        json.loads(run("try", "--articles", articles, "--json", text=RETURN).stdout)["final_response"]
        == ticket["final_response"]
    )
    with sessions() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM tickets").scalar() == 0


def test_stored_articles_are_used_when_there_is_a_database(run, articles):
    run("articles", "import", articles)

    result = run("try", "--json", text=RETURN)

    assert json.loads(result.stdout)["citations"][0]["title"] == "How do I send a pair of shoes back?"


def test_without_a_database_the_sample_articles_are_used(run, monkeypatch):
    monkeypatch.setenv("TICKETFLOW_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    load_settings.cache_clear()

    result = run("try", text=RETURN)

    assert result.exit_code == 0
    assert "no database: answering from the sample articles" in result.stderr
    assert "final response" in result.stdout


def test_a_card_number_is_starred_here_as_it_would_be_stored(run, articles):
    ticket = {"subject": "Card", "body": "My card is 4111 1111 1111 1111", "metadata": {"card": 4111111111111111}}

    result = run("try", "--articles", articles, "--json", text=json.dumps(ticket))

    shown = json.loads(result.stdout)
    assert "4111" not in result.stdout
    assert (shown["body"], shown["metadata"]) == ("My card is **** **** **** 1111", {"card": "************1111"})
    assert [entity["type"] for entity in shown["entities"]] == ["card"]


def test_a_bad_ticket_is_named_and_the_others_are_tried(run, articles):
    lines = [
        {"subject": "Return", "body": RETURN},
        {"subject": "x", "body": 5},
        {"subject": "x", "body": "y", "priority": "now"},
    ]
    lines.append({"subject": "x", "body": "y", "timezone": "Mars"})

    result = run("try", "--articles", articles, "--json", text="\n".join(json.dumps(line) for line in lines))

    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "error: line 2: body: must be text" in result.stderr
    assert "error: line 3: priority: must be one of low, normal, high, urgent" in result.stderr
    assert "error: line 4: timezone: must be an IANA name" in result.stderr
