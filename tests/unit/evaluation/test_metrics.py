import math

import numpy as np
import pytest

from ticketflow.evaluation.comparison import bootstrap_difference
from ticketflow.evaluation.metrics import (
    Found,
    auroc,
    coverage_at_precision,
    expected_calibration_error,
    macro_f1,
    mean,
    reliability,
    similarity,
)

NAN = float("nan")


def test_a_mean_leaves_out_what_does_not_count():
    assert mean(np.array([1.0, NAN, 0.0])) == 0.5
    assert math.isnan(mean(np.array([NAN])))


def test_macro_f1_weighs_every_gold_label_the_same():
    # a: 2 of 2 found, 1 wrong: F1 0.8; b: 1 of 2 found: F1 2/3; c, never gold, has no F1 of its own.
    assert macro_f1(["a", "a", "b", "b"], ["a", "a", "a", "b"]) == pytest.approx((0.8 + 2 / 3) / 2)
    assert macro_f1(["a", "b"], ["a", "c"]) == pytest.approx(0.5)


def test_precision_recall_and_f1_follow_from_three_counts():
    found = Found(right=3, wrong=1, missed=2)

    assert (found.precision, found.recall, found.f1) == (0.75, 0.6, pytest.approx(6 / 9))
    assert math.isnan(Found(0, 0, 0).f1)


def test_confidence_falls_in_the_bin_that_ends_with_it():
    bins = reliability(np.array([0.0, 0.5, 0.51, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]), bins=2)

    assert [each.count for each in bins] == [2, 2]
    assert (bins[0].confidence, bins[0].accuracy) == (0.25, 0.5)


def test_calibration_error_is_the_gap_weighed_by_the_number_of_predictions():
    # Three at 0.9 of which two are right, one at 0.1 that is wrong: (3 * |2/3 - 0.9| + 1 * 0.1) / 4.
    bins = reliability(np.array([0.9, 0.9, 0.9, 0.1]), np.array([1.0, 1.0, 0.0, 0.0]))

    assert expected_calibration_error(bins) == pytest.approx((3 * (0.9 - 2 / 3) + 0.1) / 4)
    assert math.isnan(expected_calibration_error(reliability(np.array([]), np.array([]))))


@pytest.mark.parametrize(("precision", "expected"), [(1.0, 0.4), (0.75, 0.8), (0.6, 1.0)])
def test_coverage_is_the_largest_share_of_the_surest_that_is_precise_enough(precision, expected):
    confidences, hits = np.array([0.5, 0.9, 0.8, 0.7, 0.6]), np.array([0.0, 1.0, 1.0, 0.0, 1.0])

    assert coverage_at_precision(confidences, hits, precision) == pytest.approx(expected)


def test_predictions_of_the_same_confidence_are_covered_together_or_not_at_all():
    assert coverage_at_precision(np.array([0.9, 0.9]), np.array([1.0, 0.0]), 0.9) == 0.0


def test_auroc_counts_pairs_in_the_right_order_and_ties_half():
    # Of four pairs two are in order, one is a tie and one is not: 2.5 / 4.
    assert auroc(np.array([0.9, 0.4]), np.array([0.4, 0.5])) == 0.625
    assert math.isnan(auroc(np.array([]), np.array([0.4])))


def test_similarity_compares_words_in_order():
    # Three words in common, of four and three: 2 * 3 / 7.
    assert similarity("we send it today", "we send today") == pytest.approx(6 / 7)
    assert (similarity("same words", "same  words"), similarity("one", "two")) == (1.0, 0.0)


def test_a_clear_difference_between_two_versions_is_sure():
    worse, better = np.tile([0.0, 0.0, 1.0, 1.0], 50)[None], np.tile([0.0, 1.0, 1.0, 1.0], 50)[None]

    interval = bootstrap_difference(worse, better)

    assert interval.is_sure
    assert interval.low < 0.25 < interval.high


def test_a_difference_of_one_row_is_not_sure():
    first = np.tile([0.0, 1.0], 50)[None].copy()
    second = first.copy()
    second[0, 0] = 1.0

    assert not bootstrap_difference(first, second).is_sure


def test_rows_that_do_not_count_do_not_make_a_difference():
    counted = np.tile([0.0, 1.0], 50)
    first = np.concatenate([counted, np.full(100, NAN)])[None]

    assert bootstrap_difference(first, first) == bootstrap_difference(first, first, seed=1)


def test_versions_without_a_row_that_counts_have_no_interval():
    interval = bootstrap_difference(np.array([[NAN]]), np.array([[NAN]]))

    assert math.isnan(interval.low)
    assert not interval.is_sure
