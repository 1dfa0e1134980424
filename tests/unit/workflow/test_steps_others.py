"""What classify, extract, research and draft add to a ticket."""

from dataclasses import replace

import pytest

from tests.fakes import FakeClassifier, FakeKnowledge, fake_passage, fake_request, fake_tools
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.state import question_of, question_text
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


def test_a_priority_says_why():
    class Sure(FakeClassifier):
        def classify(self, subject, body):
            return replace(super().classify(subject, body), reasons={"priority": "says: asap", "sentiment": "calm"})

    tools = fake_tools(classifier=Sure())

    assert run(classify, tools=tools)["reasons"] == {"priority": "says: asap", "sentiment": "calm"}
    asked = run(classify, tools=tools, requested_priority="low")
    assert asked["reasons"] == {"priority": "the caller asked for it", "sentiment": "calm"}


@pytest.mark.parametrize("handover", ["danger", "person"])
def test_no_article_answers_what_is_for_a_person(handover):
    class Alarmed(FakeClassifier):
        def classify(self, subject, body):
            label = super().classify(subject, body)
            return replace(label, priority="urgent", reasons={handover: "on fire"})

    tools = fake_tools(classifier=Alarmed())

    state = run(classify, extract, research, draft, tools=tools, body="How do I reset my password? It is on fire.")

    assert (state["resolution"], state["citations"]) == ("routed", [])


def test_danger_is_urgent_whatever_the_caller_asked_for():
    class Alarmed(FakeClassifier):
        def classify(self, subject, body):
            return replace(super().classify(subject, body), priority="urgent", reasons={"danger": "on fire"})

    assert run(classify, tools=fake_tools(classifier=Alarmed()), requested_priority="low")["priority"] == "urgent"


def test_a_promise_runs_from_the_tickets_arrival():
    class Prompt(FakeClassifier):
        def classify(self, subject, body):
            return replace(super().classify(subject, body), sla={"first_response_h": 0.5, "resolution_h": 24.0})

    state = run(classify, tools=fake_tools(classifier=Prompt()), received_at="2026-01-15T10:00:00Z")

    assert state["sla"] == {
        "first_response_due_at": "2026-01-15T10:30:00Z",
        "resolution_due_at": "2026-01-16T10:00:00Z",
    }
    assert run(classify)["sla"] is None


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


def test_research_keeps_no_question_that_the_ticket_does_not_ask():
    passage = fake_passage() | {"speaks_to": ["Is it late?", "Ask a stranger."]}

    state = run(classify, extract, research, body="Is it late?", tools=fake_tools(passages=[passage]))

    assert [each["speaks_to"] for each in state["passages"]] == [["Is it late?"]]


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
        ("", "", ""),
    ],
)
def test_the_question_is_subject_and_words_without_repetition(subject, body, expected):
    assert question_text(subject, body) == expected


def test_every_step_reads_the_customers_own_words():
    body = "Still late.\n\nOn 3 Mar 2026, Acme wrote:\n> Your order 4711 is urgent.\n-- \nAda"
    request = fake_request(subject="Re: late", body=body)

    assert question_of(request) == "Re: late\nStill late."
    assert run(classify, extract, subject="Re: late", body=body)["priority"] == "normal"
    assert run(classify, extract, subject="Re: late", body=body)["entities"] == []


def test_research_asks_for_what_the_tickets_own_tenant_wrote():
    asked = []

    class RecordingKnowledge(FakeKnowledge):
        def search(self, query, limit, tenant):
            asked.append(tenant)
            return super().search(query, limit, tenant)

        def find_resolved(self, query, limit, tenant):
            asked.append(tenant)
            return []

    found = research(fake_request(tenant="acme"), fake_tools(knowledge=RecordingKnowledge([fake_passage()])))

    assert asked == ["acme", "acme"]
    assert (len(found["passages"]), found["similar_tickets"]) == (1, [])
