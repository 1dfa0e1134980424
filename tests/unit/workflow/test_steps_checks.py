"""A draft says what somebody wrote before, and nothing of other people's."""

import pytest

from tests.fakes import fake_passage, fake_request
from ticketflow.workflow.letters import Letters, Phrases
from ticketflow.workflow.steps.checks import check_draft

QUOTE = "We refund within five days of arrival."
PHRASES = Phrases(
    hello="Hello,",
    hello_name="Hello {name},",
    sorry="We are sorry.",
    answer="Our article {title} says:",
    more="Write to {team} again, or call +49 30 901820.",
    routed="It is with {team}.",
    kept="Noted: {ids}.",
    bye="Kind regards,\nErna Kulik",
)
LETTERS = Letters({"en": PHRASES}, forbidden=("cheap",))


def state_of(draft, **changes):
    passage = fake_passage(text=f"{QUOTE} More at https://shop.example/help.")
    citation = {"article_id": passage["article_id"], "article_version": 1, "title": passage["title"], "quote": QUOTE}
    body = "Where is order ORD-2026-0017? See https://evil.example/x, trap@evil.example or +49 170 5550199."
    state = fake_request(customer_name="Ada Lovelace", customer_email="ada@example.com", body=body)
    state |= {"category": "x", "team": "Billing", "language": "en", "sentiment": "neutral", "entities": []}
    state |= {"passages": [passage], "citations": [citation], "resolution": "answered", "draft": draft}
    return state | changes


def check(draft, **changes):
    return check_draft(state_of(draft, **changes), LETTERS)


def test_a_letter_of_phrases_and_quotes_is_wholly_grounded():
    draft = (
        f"Hello Ada,\n\nOur article Reset your password says:\n\n{QUOTE}\n\n"
        "Write to Billing again, or call +49 30 901820.\n\nKind regards,\nErna Kulik"
    )

    assert check(draft) == ([], 1.0, 1.0)


def test_an_engines_own_words_lower_the_grounding():
    found = check(f"Hello Ada,\n\n{QUOTE}\n\nThe weather is nice where we are today, is it not?")

    assert found.problems == []
    assert 0.4 < found.grounding < 0.6


@pytest.mark.parametrize(
    ("draft", "codes"),
    [
        (f"{QUOTE} We will refund you today.", ["promise"]),
        (f"{QUOTE} You should have known!!", ["tone", "tone"]),
        (f"{QUOTE} A cheap one.", ["forbidden"]),
        (f"Hello Grace,\n\n{QUOTE}", ["personal_data"]),
        (f"Dear Mr Hopper,\n\n{QUOTE}", ["personal_data"]),
        (f"Dear customer,\n\n{QUOTE}", []),
        (f"Hello Ada Lovelace,\n\n{QUOTE}", []),
        (f"{QUOTE} Your order ORD-2026-0018 is on its way.", ["personal_data"]),
        (f"{QUOTE} Your order ORD-2026-0017 is on its way.", []),
        (f"{QUOTE} Since 2026-01-15 we know.", []),
        (f"{QUOTE} See https://evil.example/x now.", ["ungrounded"]),
        (f"{QUOTE} Write to trap@evil.example now.", ["personal_data"]),
        (f"{QUOTE} Call +49 170 5550199 now.", ["personal_data"]),
        (f"{QUOTE} We write to ada@example.com, see https://shop.example/help or call +49 30 901820.", []),
        (QUOTE, []),
        (" ", ["empty"]),
    ],
)
def test_fixed_checks_name_what_must_change(draft, codes):
    assert [problem["code"] for problem in check(draft).problems] == codes


def test_a_problem_never_repeats_the_data():
    (problem,) = check(f"{QUOTE} Order ORD-2026-0018.").problems

    assert "0018" not in problem["detail"]


def test_a_fault_of_tone_costs_the_score():
    assert check(f"{QUOTE} Thank you!!").tone == 0.0
