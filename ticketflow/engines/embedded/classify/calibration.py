"""How far to trust a classifier: judged on examples it was not fitted on."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.classify.regression import Floats, Labels, softmax

Judge = Callable[[NDArray[np.bool_]], Floats]

# Searched on a log scale; below 0.1 a handful of examples has told us nothing about doubt.
TEMPERATURES = np.geomspace(0.1, 3.0, 48)
# How much the votes of similar examples may count.
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
BINS = 15
# Keeps a class nobody voted for from being impossible.
LEAST = 1e-6


def hold_out(judge: Judge, labels: Labels, held: NDArray[np.bool_], folds: int) -> Floats:
    """Judge each example by what was learnt without it.

    Args:
        judge: Given a mask of examples, learns from the others and returns a row for each of these.
        labels: Class index of each example.
        held: Which examples are ever held out; the others are always learnt from.
        folds: How many times to learn.

    Returns:
        One row for each example that is held out.
    """
    fold = np.where(held, deal_folds(labels, held, folds), -1)
    masks = [fold == number for number in range(folds) if (fold == number).any()]
    order = np.argsort(np.concatenate([np.flatnonzero(mask) for mask in masks]))
    judged: Floats = np.concatenate([judge(mask) for mask in masks])[order]
    return judged


def deal_folds(labels: Labels, held: NDArray[np.bool_], folds: int) -> Labels:
    """Deal the held-out examples of each class to the folds in turn; a single one stays fold 0."""
    dealt = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels[held]):
        members = np.flatnonzero(held & (labels == label))
        # Each class starts at another fold, so that small classes do not all miss the same one.
        dealt[members] = (np.arange(len(members)) + label) % folds
    return dealt


def find_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature that makes held-out probabilities most likely (Guo et al. 2017)."""
    losses = [measure_loss(softmax(logits / np.float32(t)), labels) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def find_share(probabilities: Floats, votes: Floats, labels: Labels) -> float:
    """Return how much votes should count beside probabilities to make held-out labels most likely."""
    losses = [measure_loss((1 - share) * probabilities + share * votes, labels) for share in SHARES]
    return SHARES[int(np.argmin(losses))]


def measure_loss(probabilities: Floats, labels: Labels) -> float:
    """Return the mean surprise at the labels."""
    return -float(np.log(probabilities[np.arange(len(labels)), labels] + LEAST).mean())


def measure_energy(logits: Floats) -> Floats:
    """Return how familiar texts look: the log of the summed powers of their logits (Liu et al. 2020)."""
    highest = logits.max(axis=1)
    energy: Floats = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return energy


def calibration_error(confidence: Floats, is_right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over equal bins of confidence, in [0, 1]."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = [
        (bins == number).mean() * abs(is_right[bins == number].mean() - confidence[bins == number].mean())
        for number in np.unique(bins)
    ]
    return float(sum(gaps))
