"""What the result says, at its limits."""

import pytest

from tests.fakes import fake_passage
from ticketflow.workflow.state import cite
from ticketflow.workflow.steps.finalize import (
    MAX_SUGGESTIONS,
    MIN_SUGGESTION_CONFIDENCE,
    choose_action,
    list_suggestions,
)


@pytest.mark.parametrize(
    ("verdict", "approval", "action"),
    [
        ("accept", "not_needed", "accept"),
        ("escalate", "not_needed", "route"),
        ("escalate", "wanted", "accept"),
        ("accept", "wanted", "accept"),
    ],
)
def test_without_a_decision_an_unfit_draft_goes_nowhere_unless_it_waited_for_one(verdict, approval, action):
    assert choose_action({"verdict": verdict, "approval": approval}) == action


def passage(name: str, confidence: float):
    return fake_passage(article_id=name, title=name.upper(), article_version=2, confidence=confidence)


def suggest(*passages, cited=()) -> list[str]:
    citations = [cite(each, each["text"]) for each in passages if each["article_id"] in cited]
    return [each["article_id"] for each in list_suggestions(list(passages), citations)]


@pytest.mark.parametrize(
    ("confidence", "expected"), [(MIN_SUGGESTION_CONFIDENCE, ["a"]), (MIN_SUGGESTION_CONFIDENCE - 0.0001, [])]
)
def test_an_article_is_suggested_from_a_confidence_on(confidence, expected):
    assert suggest(passage("a", confidence)) == expected


def test_the_likeliest_come_first_and_equally_likely_ones_keep_their_place():
    assert suggest(passage("c", 0.5), passage("a", 0.9), passage("b", 0.5)) == ["a", "c", "b"]


def test_the_cited_article_comes_first_however_likely_the_others_are():
    assert suggest(passage("a", 0.9), passage("b", 0.4), passage("c", 0.8), cited="b") == ["b", "a", "c"]


def test_there_are_three_at_most():
    names = [passage(name, 0.9) for name in "abcd"]

    assert suggest(*names, cited="d") == ["d", "a", "b"]
    assert MAX_SUGGESTIONS == 3


def test_a_suggestion_names_the_version_that_was_searched():
    assert list_suggestions([passage("a", 0.9)], []) == [
        {"article_id": "a", "article_version": 2, "title": "A", "confidence": 0.9}
    ]
