"""What every engine owes the steps: the fakes, the embedded engine and the LLM engine pass the same suite."""

import json
from dataclasses import replace

import pytest

from tests.fakes import fake_passage, fake_request, fake_tools
from tests.scripted_model import scripted_tools
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.workflow.ports import Brief, Tools
from ticketflow.workflow.state import DEFAULT_TENANT, Request
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.finalize import finalize
from ticketflow.workflow.steps.research import research
from ticketflow.workflow.steps.review import review
from ticketflow.workflow.usage import collect_usage

ARTICLES = {
    "a1": (
        "Reset your password",
        "To reset your password, open the sign-in page. Choose the reset link and follow it.",
    ),
    "a2": ("Track a parcel", "Every parcel has a tracking number. Enter it on the tracking page to see where it is."),
    "a3": ("Opening hours of the shop", "The shop is open from nine to six on weekdays. It is closed on Sundays."),
}
ODD_TEXTS = {
    "empty": "",
    "blanks": " \n\t ",
    "emoji": "😀😡🔥🔥",
    "arabic": "أين طلبي رقم 12345؟ لم يصل بعد",
    "digits": "1234567890123456",
    "controls": "hello\x01\x02\x7f\x1b[31m where is my order 1234\u202e",
    "long": "My order 12345 has not arrived. " * 625,
    "lines": "\n" * 20_000 + "?",
    "brackets": "(" * 20_000,
    "separators": "1-" * 10_000,
}


@pytest.fixture(scope="session")
def embedded_tools() -> Tools:
    articles = [(article_id, title, text) for article_id, (title, text) in ARTICLES.items()]
    return build_embedded_tools(build_knowledge(shared_encoder(), articles))


@pytest.fixture(scope="session")
def word_overlap_tools() -> Tools:
    return fake_tools([fake_passage(article_id=key, title=title, text=text) for key, (title, text) in ARTICLES.items()])


@pytest.fixture(scope="session")
def scripted_model_tools(embedded_tools) -> Tools:
    return scripted_tools(embedded_tools)


@pytest.fixture(params=["word_overlap_tools", "embedded_tools", "scripted_model_tools"])
def tools(request: pytest.FixtureRequest) -> Tools:
    return request.getfixturevalue(request.param)


def brief_of(tools: Tools, request: Request) -> Brief:
    state = dict(request)
    for step in (classify, extract, research):
        state |= step(state, tools)
    names = ("category", "team", "language", "sentiment", "entities", "passages")
    return Brief(request=request, problems=[], **{name: state[name] for name in names})


def run_steps(tools: Tools, request: Request) -> dict:
    state = dict(request)
    for step in (classify, extract, research, draft, review, finalize):
        state |= step(state, tools)
    return state


def test_a_label_is_in_the_taxonomy_and_calibrated(tools):
    label = tools.classifier.classify("Parcel", "Where is my order? The delivery did not arrive.")

    assert {label.category, *(guess["category"] for guess in label.alternatives)} <= tools.classifier.categories
    assert 0 <= label.confidence <= 1
    assert len(label.alternatives) <= 3
    assert label.category not in [guess["category"] for guess in label.alternatives]
    assert label.team
    assert set(label.reasons) <= {"priority", "sentiment"}
    assert label.sla is None or set(label.sla) == {"first_response_h", "resolution_h"}


def test_entities_point_at_the_text_as_received(tools):
    request = fake_request(subject="Order 471122", body="Hello,\n\nmy order 99812 is late")

    entities = tools.extractor.extract(request, "en")

    assert [(e["type"], e["field"], e["value"]) for e in entities] == [
        ("order_id", "subject", "471122"),
        ("order_id", "body", "99812"),
    ]
    assert [request[e["field"]][e["start"] : e["end"]] for e in entities] == ["471122", "99812"]


def test_card_numbers_come_masked(tools):
    request = fake_request(body="I paid with 4111 1111 1111 1111 yesterday")

    entities = tools.extractor.extract(request, "en")

    assert [e["value"] for e in entities if e["type"] == "card"] == ["************1111"]
    assert "4111" not in json.dumps(entities)


def test_search_returns_the_best_passage_of_each_article_first(tools):
    found = tools.knowledge.search("How do I reset my password?", 2, DEFAULT_TENANT)

    assert found[0]["article_id"] == "a1"
    assert len(found) <= 2
    assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
    assert all(each["text"] in ARTICLES[each["article_id"]][1] for each in found)
    assert all(0 <= each["confidence"] <= 1 for each in found)


def test_an_answer_quotes_verbatim_and_cites(tools):
    brief = brief_of(tools, fake_request())

    reply = tools.writer.answer(brief)

    assert reply is not None
    assert reply.citations
    assert all(citation["quote"] in brief.passages[0]["text"] for citation in reply.citations)
    assert all(citation["quote"] in reply.text for citation in reply.citations)
    assert all(
        ARTICLES[each["article_id"]][1][each["start"] : each["end"]] == each["quote"] for each in reply.citations
    )


def test_without_passages_there_is_no_answer(tools):
    brief = replace(brief_of(tools, fake_request()), passages=[])

    assert tools.writer.answer(brief) is None


def test_a_quote_review_objected_to_is_left_out(tools):
    brief = brief_of(tools, fake_request())
    wrong, *_ = (citation["quote"] for citation in tools.writer.answer(brief).citations)

    again = tools.writer.answer(replace(brief, problems=[{"code": "ungrounded", "detail": "wrong", "quote": wrong}]))

    assert again is not None
    assert again.citations
    assert not any(wrong in citation["quote"] for citation in again.citations)


def test_an_acknowledgement_names_the_team_and_cites_nothing(tools):
    brief = brief_of(tools, fake_request())

    reply = tools.writer.acknowledge(brief)

    assert brief.team in reply.text
    assert reply.citations == []


def test_the_reviewer_has_nothing_against_a_good_reply(tools):
    brief = brief_of(tools, fake_request())

    opinion = tools.reviewer.review(brief, tools.writer.answer(brief))

    assert opinion.problems == []
    assert 0 < opinion.completeness <= 1


def test_every_part_says_that_it_spoke(tools):
    with collect_usage(DEFAULT_TENANT) as usage:
        run_steps(tools, fake_request())

    parts = [spoken.engine.partition("/")[2] for spoken in usage.engine_calls]
    assert list(dict.fromkeys(parts)) == ["classifier", "extractor", "knowledge", "writer", "reviewer"]


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
@pytest.mark.parametrize("field", ["subject", "body"])
def test_odd_text_is_handled(tools, text, field):
    state = run_steps(tools, fake_request(**{field: text}))

    assert state["final_response"]
    assert json.loads(json.dumps(state)) == state


def test_the_same_ticket_gives_the_same_state(tools):
    assert run_steps(tools, fake_request()) == run_steps(tools, fake_request())
