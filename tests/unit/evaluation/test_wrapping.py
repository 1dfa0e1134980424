"""Rows put into the mails people write."""

from pathlib import Path

import pytest

from tests.unit.evaluation.build import build_row
from ticketflow.evaluation.wrapping import BARE, FORMS, TWO_QUESTIONS, draw_others, read_wrappers, wrap_rows

ROWS = [
    build_row(text=f"Question {number}: where is it?", gold=f"a{number}", label="shipping", priority="high")
    for number in range(5)
]
FITTED_ON = Path(__file__).parents[3] / "benchmarks" / "data" / "wrappers.yaml"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_question_and_is_drawn_the_same_again(form):
    wrapped = wrap_rows(form, ROWS, seed=3)

    assert all(before.request["body"] in after.request["body"] for before, after in zip(ROWS, wrapped, strict=True))
    assert [row.request for row in wrapped] == [row.request for row in wrap_rows(form, ROWS, seed=3)]


def test_bare_rows_stay_as_they_are():
    assert [row.request for row in wrap_rows(BARE, ROWS, seed=0)] == [row.request for row in ROWS]


def test_forms_differ_and_one_of_them_is_long():
    bodies = {form: wrap_rows(form, ROWS[:1], seed=0)[0].text for form in FORMS}

    assert len(set(bodies.values())) == len(FORMS)
    assert len(bodies["200 words"].split()) > 150
    assert "Original Message" in bodies["Outlook"]
    assert "\n> " in bodies["quoted"]


def test_of_two_questions_the_articles_of_both_are_right():
    wrapped = wrap_rows(TWO_QUESTIONS, ROWS, seed=0)

    for number, (row, other) in enumerate(zip(wrapped, draw_others(5, seed=0), strict=True)):
        assert ROWS[other].request["body"] in row.request["body"]
        assert row.gold.articles == {f"a{number}", f"a{other}"}


def test_what_wrapping_may_change_is_no_longer_known():
    (wrapped, *_) = wrap_rows("signature", ROWS, seed=0)

    assert (wrapped.gold.label, wrapped.gold.priority) == ("shipping", None)


def test_nothing_is_measured_with_texts_the_confidence_was_fitted_on():
    fitted, measured = read_wrappers(FITTED_ON), read_wrappers()

    assert fitted.keys() == measured.keys()
    for what in ("stories", "fillers", "signatures", "disclaimers", "quotes"):
        assert not set(fitted[what]) & set(measured[what])
