"""How good categories are, and the smaller choices classify makes."""

from collections.abc import Sequence

import numpy as np

from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import (
    Floats,
    auroc,
    coverage_at_precision,
    expected_calibration_error,
    macro_f1,
    reliability,
)
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome
from ticketflow.workflow.state import Guess

NOTHING = "(nothing)"


def measure_categories(rows: Sequence[Row], outcomes: Sequence[Outcome], yardstick: Yardstick) -> Measured:
    """Compare the category given with the label, and confidence with being right."""
    expected = [yardstick.fallback if row.gold.label == yardstick.out_of_scope else str(row.gold.label) for row in rows]
    given = [str(each.state.get("category", NOTHING)) for each in outcomes]
    right = hits([wanted == got for wanted, got in zip(expected, given, strict=True)])
    confidence = np.array([each.state.get("confidence", 0.0) for each in outcomes], dtype=np.float64)
    measured = Measured(rowwise={"accuracy": right}, pairs={"category": list(zip(expected, given, strict=True))})
    measured.certainty["category"] = confidence, right
    measured.overall = {
        "macro_f1": macro_f1(expected, given),
        "ece": expected_calibration_error(reliability(confidence, right)),
        "coverage_at_precision": coverage_at_precision(confidence, right, yardstick.precision),
    }
    # How well what fits no category is told from what does.
    is_inside = np.array([wanted != yardstick.fallback for wanted in expected])
    guesses = [_best_guess(each, yardstick.fallback) for each in outcomes]
    named = hits([guess["category"] == gold for guess, gold in zip(guesses, expected, strict=True)])
    measured.rowwise["best_guess_accuracy"] = _only(named, is_inside)
    if not is_inside.all():
        measured.rowwise["in_scope_accuracy"] = _only(right, is_inside)
        measured.rowwise["out_of_scope_recall"] = _only(right, ~is_inside)
        likely = np.array([guess["confidence"] for guess in guesses])
        measured.overall["out_of_scope_auroc"] = auroc(likely[is_inside], likely[~is_inside])
    return measured


def measure_choices(rows: Sequence[Row], outcomes: Sequence[Outcome], key: str) -> Measured:
    """Compare a choice from a few values with what a row says it should be."""
    expected = [str(getattr(row.gold, key)) for row in rows]
    given = [str(each.state.get(key, NOTHING)) for each in outcomes]
    pairs = list(zip(expected, given, strict=True))
    return Measured(
        rowwise={f"{key}_accuracy": hits([wanted == got for wanted, got in pairs])},
        overall={f"{key}_macro_f1": macro_f1(expected, given)},
        pairs={key: pairs},
    )


def _best_guess(outcome: Outcome, fallback: str) -> Guess:
    """Return the likeliest category but the fallback, given or not."""
    nothing = Guess(category=NOTHING, confidence=0.0)
    chosen = Guess(
        category=outcome.state.get("category", NOTHING), confidence=float(outcome.state.get("confidence", 0.0))
    )
    ranked = [chosen, *outcome.state.get("alternatives", [])]
    inside = [guess for guess in ranked if guess["category"] != fallback]
    return max(inside, key=lambda guess: guess["confidence"], default=nothing)


def _only(values: Floats, counted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    return np.where(counted, values, np.nan)


def _choices(key: str) -> Section:
    return Section(
        key,
        ("classify",),
        lambda row: getattr(row.gold, key) is not None,
        lambda rows, outcomes, _: measure_choices(rows, outcomes, key),
    )


CATEGORIES = Section("category", ("classify",), lambda row: row.gold.label is not None, measure_categories)
CHOICES = tuple(_choices(key) for key in ("priority", "sentiment", "language"))
