"""What classify, extract, research and draft add to a ticket."""

import pytest

from tests.fakes import FakeClassifier, fake_passage, fake_request, fake_tools
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.state import question_text
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.research import PASSAGE_LIMIT, research


def run(*steps, tools=None, **changes):
    state = dict(fake_request(**changes))
    for step in steps:
        state |= step(state, tools or fake_tools())
    return state


def test_classify_keeps_the_priority_the_caller_asked_for():
    assert run(classify, requested_priority="low", body="urgent: password")["priority"] == "low"
    assert run(classify, body="urgent: password")["priority"] == "urgent"


def test_a_category_outside_the_taxonomy_is_refused():
    class Dreamer(FakeClassifier):
        @property
        def categories(self):
            return frozenset({"other"})

    with pytest.raises(BadModelOutputError, match="unknown category 'account'"):
        run(classify, tools=fake_tools(classifier=Dreamer()))


def test_extract_adds_the_entities():
    state = run(classify, extract, body="order 12345 is late")

    assert [entity["value"] for entity in state["entities"]] == ["12345"]


def test_research_finds_a_few_passages_of_different_articles():
    passages = [fake_passage(article_id=f"a{n}", text=f"Reset {n} your password.") for n in range(9)]

    found = run(research, tools=fake_tools(passages=passages))["passages"]

    assert len({passage["article_id"] for passage in found}) == len(found) == PASSAGE_LIMIT


def test_draft_answers_and_counts_its_rounds():
    state = run(classify, extract, research, draft, draft)

    assert state["resolution"] == "answered"
    assert state["revision"] == 2


def test_draft_routes_what_no_article_answers():
    state = run(classify, extract, research, draft, tools=fake_tools(passages=[]))

    assert (state["resolution"], state["citations"], state["answer_confidence"]) == ("routed", [], 0.0)


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("Late parcel", "Where is it?", "Late parcel\nWhere is it?"),
        ("Where is my…", "Where is my parcel?", "Where is my parcel?"),
        ("Late parcel", "", "Late parcel"),
        ("", "Where is it?", "Where is it?"),
        ("Re: late", "Still late.\n> old text\n-- \nAda", "Re: late\nStill late."),
        ("", "", ""),
    ],
)
def test_the_question_is_the_customers_own_words(subject, body, expected):
    assert question_text(subject, body) == expected
