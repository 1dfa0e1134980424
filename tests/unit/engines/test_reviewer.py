"""How much of what was asked the quotes speak to, on nearness that is given."""

import numpy as np
import pytest

from tests.fakes import fake_passage, fake_request
from ticketflow.engines.embedded.write.reviewer import OFF_TOPIC, RELATED, UNRELATED, EmbeddedReviewer
from ticketflow.workflow.ports import Brief, Opinion, Reply
from ticketflow.workflow.state import cite

FIRST, SECOND = "Open the sign-in page to reset your password.", "Choose the reset link and follow it."


class Given:
    """Puts the ticket on one axis and gives quotes so much of it."""

    name = "given"

    def __init__(self, **nearness: float) -> None:
        self._nearness = nearness

    def encode(self, texts):
        return np.array([[self._nearness.get(text.split(maxsplit=1)[0], 1.0)] for text in texts], dtype=np.float32)


def review(*quotes: str, body: str = "How do I reset it?", **nearness: float) -> Opinion:
    brief = Brief(
        request=fake_request(subject="", body=body),
        language="en",
        category="account",
        team="Accounts",
        sentiment="neutral",
        entities=[],
        passages=[fake_passage()],
        problems=[],
    )
    citations = [cite(fake_passage(), quote) for quote in quotes]
    return EmbeddedReviewer(Given(**({"Reset": 0.0} | nearness))).review(
        brief, Reply(" ".join(quotes), citations, confidence=1.0)
    )


@pytest.mark.parametrize(
    ("near", "completeness"),
    [(UNRELATED - 0.1, 0.0), (UNRELATED, 0.0), ((UNRELATED + RELATED) / 2, 0.5), (RELATED, 1.0), (RELATED + 0.3, 1.0)],
)
def test_completeness_grows_in_a_straight_line_from_unrelated_to_related(near, completeness):
    assert review(FIRST, Open=near).completeness == pytest.approx(completeness, abs=1e-3)


def test_the_nearest_quote_speaks_for_the_reply():
    assert review(FIRST, SECOND, Open=0.1, Choose=0.9).completeness == 1.0


def test_the_title_above_the_quotes_speaks_for_the_reply_too():
    assert review(FIRST, Open=0.1, Reset=RELATED).completeness == 1.0


def test_what_is_asked_counts_on_average():
    asked = {"How": 1.0, "Why": 0.0}

    assert review(FIRST, body="How do I reset it? Why does it fail?", Open=1.0, **asked).completeness < 1.0


@pytest.mark.parametrize(("near", "objections"), [(OFF_TOPIC - 0.001, 2), (OFF_TOPIC, 0), (0.2, 0)])
def test_quotes_that_have_nothing_to_do_with_the_ticket_are_objected_to(near, objections):
    opinion = review(FIRST, SECOND, Open=near, Choose=0.0)

    assert [(each["code"], each["quote"]) for each in opinion.problems] == [
        ("incomplete", quote) for quote in (FIRST, SECOND)[:objections]
    ]


def test_a_reply_that_cites_nothing_answers_nothing():
    assert review() == Opinion(completeness=0.0, problems=[])


def test_a_question_about_it_is_read_with_the_sentence_before():
    opinion = review(FIRST, body="Parcels are late. How long is that?", Open=1.0, Parcels=1.0, How=0.0)

    assert opinion.completeness == 1.0
