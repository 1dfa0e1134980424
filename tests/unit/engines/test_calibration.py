"""How far a classifier is trusted, on figures that can be checked by hand."""

import numpy as np
import pytest

from ticketflow.engines.embedded.classify.calibration import (
    BINS,
    SHARES,
    TEMPERATURES,
    calibration_error,
    deal_folds,
    find_share,
    find_temperature,
    hold_out,
    measure_energy,
    measure_loss,
)

ALL = np.ones(6, dtype=np.bool_)


def test_each_class_begins_at_a_fold_of_its_own():
    labels = np.array([0, 0, 1, 1, 2, 2])

    assert deal_folds(labels, ALL, 3).tolist() == [0, 1, 1, 2, 2, 0]


def test_only_what_is_held_out_is_dealt():
    held = np.array([False, True, True, True])

    assert deal_folds(np.array([0, 0, 0, 0]), held, 2).tolist() == [0, 0, 1, 0]


def test_each_example_is_judged_once_by_what_was_learnt_without_it_and_rows_keep_their_order():
    held = np.array([True, True, False, True, True])
    learnt_without = []

    def judge(mask):
        learnt_without.append(mask.tolist())
        return np.flatnonzero(mask)[:, None].astype(np.float32)

    judged = hold_out(judge, np.zeros(5, dtype=np.int64), held, 3)

    assert judged.ravel().tolist() == [0, 1, 3, 4]
    assert np.sum(learnt_without, axis=0).tolist() == [1, 1, 0, 1, 1]


def test_the_temperature_makes_what_came_true_most_likely():
    logits = np.array([[2.0, 0.0]] * 4, dtype=np.float32)
    sure, unsure = np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])

    assert find_temperature(logits, sure) == pytest.approx(TEMPERATURES[0])
    # Three in four right: log(3) = 2 / t.
    assert find_temperature(logits, unsure) == pytest.approx(2 / np.log(3), rel=0.04)


def test_votes_count_as_far_as_they_help():
    right, wrong = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])

    assert find_share(right, wrong, np.array([0])) == 0.0
    assert find_share(wrong, right, np.array([0])) == SHARES[-1]


def test_the_loss_is_the_mean_surprise():
    halves = np.array([[0.5, 0.5], [0.25, 0.75]])

    assert measure_loss(halves, np.array([0, 0])) == pytest.approx(1.5 * np.log(2), abs=1e-4)
    assert 0 < measure_loss(np.array([[0.0, 1.0]]), np.array([0])) < 20


def test_energy_is_the_log_of_the_summed_powers_however_large():
    logits = np.array([[0.0, 0.0], [1000.0, 0.0]], dtype=np.float32)

    assert measure_energy(logits).tolist() == pytest.approx([np.log(2), 1000.0])


def test_the_calibration_error_weighs_each_bin_by_its_size():
    confidence = np.array([1.0, 1.0, 1.0, 0.5])
    is_right = np.array([True, True, False, True])

    # Three at 1.0, of which two are right; one at 0.5, which is.
    assert calibration_error(confidence, is_right) == pytest.approx(0.75 * (1 / 3) + 0.25 * 0.5)
    # What is certain is in the last bin, with what is nearly so.
    assert calibration_error(np.array([1.0, (BINS - 0.5) / BINS]), np.array([False, True])) == pytest.approx(
        abs(0.5 - (1.0 + (BINS - 0.5) / BINS) / 2)
    )
