import pytest

from tests.unit.evaluation.build import build_outcome, build_row
from ticketflow.evaluation.categories import CATEGORIES, CHOICES
from ticketflow.evaluation.measured import Yardstick


def given(category, confidence, *alternatives):
    guesses = [{"category": name, "confidence": share} for name, share in alternatives]
    return build_outcome(category=category, confidence=confidence, alternatives=guesses)


def measure(pairs, **yardstick):
    rows = [build_row(label=label) for label, _ in pairs]
    return CATEGORIES.measure_all(rows, [outcome for _, outcome in pairs], Yardstick(**yardstick)).figures()


def test_accuracy_calibration_and_coverage_of_categories():
    figures = measure(
        [("a", given("a", 0.95)), ("a", given("b", 0.55)), ("b", given("b", 0.85)), ("b", given("b", 0.75))]
    )

    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert figures["ece"] == pytest.approx((0.05 + 0.15 + 0.25 + 0.55) / 4)
    assert figures["coverage_at_precision"] == 0.75


def test_rows_out_of_scope_should_get_the_fallback():
    figures = measure(
        [
            ("a", given("a", 0.9)),
            ("a", given("other", 0.3, ("a", 0.4), ("b", 0.1))),
            ("oos", given("other", 0.6, ("b", 0.2))),
            ("oos", given("b", 0.5)),
        ],
        out_of_scope="oos",
    )

    assert (figures["accuracy"], figures["in_scope_accuracy"], figures["out_of_scope_recall"]) == (0.5, 0.5, 0.5)
    # The second row's likeliest category was right, though it was not trusted.
    assert figures["best_guess_accuracy"] == 1.0
    # In scope 0.9 and 0.4, out of scope 0.2 and 0.5: three of four pairs in order.
    assert figures["out_of_scope_auroc"] == 0.75


def test_figures_of_scope_are_left_out_when_all_rows_are_in_it():
    assert "out_of_scope_recall" not in measure([("a", given("a", 0.9))])


def test_a_row_whose_step_failed_is_wrong():
    assert measure([("a", build_outcome(error="classify: away"))])["accuracy"] == 0.0


def test_priority_is_compared_where_rows_say_what_it_should_be():
    rows = [build_row(priority="high"), build_row(priority="low"), build_row(label="a")]
    outcomes = [build_outcome(priority="high"), build_outcome(priority="normal"), build_outcome(priority="low")]

    priority = next(each for each in CHOICES if each.name == "priority")

    assert priority.measure_all(rows, outcomes, Yardstick()).figures() == {
        "priority_accuracy": 0.5,
        "priority_macro_f1": 0.5,
    }
