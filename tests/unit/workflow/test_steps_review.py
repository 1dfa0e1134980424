"""Nothing ungrounded and nobody's personal data leaves in a reply."""

import pytest

from tests.fakes import fake_passage, fake_request, fake_tools
from ticketflow.workflow.ports import Opinion
from ticketflow.workflow.state import cite
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.finalize import finalize, list_suggestions
from ticketflow.workflow.steps.research import research
from ticketflow.workflow.steps.review import MAX_REVISIONS, MIN_COMPLETENESS, review, route_review

PASSAGE = fake_passage()
QUOTE = "Choose the reset link and follow it."


def drafted(tools=None, **changes):
    tools = tools or fake_tools()
    state = dict(fake_request())
    for step in (classify, extract, research, draft):
        state |= step(state, tools)
    return state | changes


def answered(text, quote=QUOTE, passage=PASSAGE, **changes):
    state = drafted(passages=[passage], draft=text, citations=[cite(passage, quote)], resolution="answered")
    return state | changes


def codes(state):
    return [problem["code"] for problem in review(state, fake_tools())["problems"]]


def test_a_grounded_answer_is_approved_at_once():
    reviewed = review(drafted(), fake_tools())

    assert (reviewed["verdict"], reviewed["problems"]) == ("approve", [])
    assert route_review(reviewed) == "approve"


def test_an_acknowledgement_is_approved_at_once():
    reviewed = review(drafted(fake_tools(passages=[])), fake_tools())

    assert (reviewed["verdict"], reviewed["problems"]) == ("approve", [])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (answered(f"Hello. {QUOTE}"), []),
        (answered("  \n"), ["empty"]),
        (answered("Trust me.", citations=[]), ["ungrounded"]),
        (answered("Pay later.", quote="Pay later."), ["ungrounded"]),
        (answered("Hello."), ["ungrounded"]),
        (answered(f"{QUOTE} See https://evil.example/x."), ["ungrounded"]),
        (answered(f"{QUOTE} Write to bob@other.example."), ["personal_data"]),
        (answered(f"{QUOTE} Write to ada@example.com."), []),
        (answered(f"{QUOTE} Call +49 30 901820."), ["personal_data"]),
        (answered(f"{QUOTE} Call +49 30 901820.", body="My phone: +49 (30) 901820"), ["personal_data"]),
        (answered(f"{QUOTE} Your card 4111 1111 1111 1111.", body="card 4111 1111 1111 1111"), ["personal_data"]),
        (answered(f"{QUOTE} Your account DE89 3704 0044 0532 0130 00."), ["personal_data"]),
        (answered(f"{QUOTE} Since 2026-01-15 we wait."), []),
    ],
)
def test_problems_are_found_whoever_wrote_the_draft(state, expected):
    assert codes(state) == expected


def test_links_of_a_cited_article_may_go_out():
    passage = fake_passage(text="Go to https://shop.example/reset now. Mail help@shop.example.")
    text = "Go to https://shop.example/reset now. Mail help@shop.example."

    assert codes(answered(text, quote="Go to https://shop.example/reset now.", passage=passage)) == []


def test_a_problem_names_the_quote_to_leave_out_and_never_the_data():
    quote = "Charge card 4111 1111 1111 1111 for tests."
    state = answered(quote, quote=quote, passage=fake_passage(text=quote))

    (problem,) = review(state, fake_tools())["problems"]

    assert problem["quote"] == quote
    assert "4111" not in problem["detail"]


def test_rounds_are_bounded():
    state = answered("Hello.")

    verdicts = [review(state | {"revision": revision}, fake_tools())["verdict"] for revision in (1, MAX_REVISIONS)]

    assert verdicts == ["revise", "escalate"]


def test_the_reviewer_is_heard_too():
    class Critic:
        def review(self, brief, reply):
            return Opinion(0.123456, [{"code": "incomplete", "detail": "the second question is open"}])

    reviewed = review(drafted(), fake_tools(reviewer=Critic()))

    assert (reviewed["verdict"], reviewed["completeness"]) == ("revise", 0.1235)


def test_an_approved_draft_is_the_final_response():
    state = drafted()
    state |= review(state, fake_tools())

    final = finalize(state, fake_tools())

    assert final["final_response"] == state["draft"]
    assert final["citations"] == state["citations"]
    assert final["result"] == {
        "resolution": "answered",
        "reason": None,
        "team": "Accounts",
        "revisions": 1,
        "verdict": "approve",
        "decided_by": None,
        "edited": False,
        "completeness": state["completeness"],
        "handed_over": [],
        "scores": {"grounding": 0.8182, "completeness": state["completeness"], "tone": 1.0},
        "suggestions": [
            {name: passage[name] for name in ("article_id", "article_version", "title", "confidence")}
            for passage in state["passages"]
        ],
        "similar_tickets": [],
    }


def test_an_escalated_draft_becomes_an_acknowledgement():
    state = answered("Hello.", revision=MAX_REVISIONS)
    state |= review(state, fake_tools())

    final = finalize(state, fake_tools())

    assert "Accounts team" in final["final_response"]
    assert final["citations"] == []
    assert (final["result"]["resolution"], final["result"]["verdict"]) == ("routed", "escalate")


def test_up_to_three_likely_articles_are_suggested_the_cited_one_first():
    levels = {"unlikely": 0.29, "fair": 0.3, "cited": 0.4, "good": 0.5, "best": 0.9}
    passages = [fake_passage(article_id=name, confidence=level) for name, level in levels.items()]

    suggested = list_suggestions(passages, [cite(passages[2], QUOTE)])

    assert [each["article_id"] for each in suggested] == ["cited", "best", "good"]
    assert [each["confidence"] for each in list_suggestions(passages, [])] == [0.9, 0.5, 0.4]
    assert list_suggestions(passages[:1], []) == []


def test_a_routed_ticket_carries_suggestions_too():
    state = answered("Hello.", revision=MAX_REVISIONS)
    state |= review(state, fake_tools())

    (suggested,) = finalize(state, fake_tools())["result"]["suggestions"]

    assert suggested == {
        "article_id": PASSAGE["article_id"],
        "article_version": 1,
        "title": PASSAGE["title"],
        "confidence": PASSAGE["confidence"],
    }


def test_an_answer_to_too_little_of_what_was_asked_does_not_go_out():
    class Doubter:
        def review(self, brief, reply):
            return Opinion(completeness=MIN_COMPLETENESS - 0.02, problems=[])

    tools = fake_tools(reviewer=Doubter())
    state = drafted()
    state |= review(state, tools)
    assert (state["verdict"], [each["code"] for each in state["problems"]]) == ("revise", ["incomplete"])

    state |= {"revision": MAX_REVISIONS}
    state |= review(state, tools)

    assert finalize(state, tools)["result"]["resolution"] == "routed"


def test_questions_left_to_a_person_are_named_in_the_result():
    state = drafted() | {"unanswered": ["Do you deliver to Norway?"]}
    state |= review(state, fake_tools())

    assert finalize(state, fake_tools())["result"]["handed_over"] == ["Do you deliver to Norway?"]
