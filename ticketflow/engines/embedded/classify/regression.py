"""Softmax regression by L-BFGS in numpy: a few examples take milliseconds, 15,000 some seconds."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

MAX_STEPS = 150
# Steps that lower the loss by less than this part of it are not worth their time.
PRECISION = 1e-5
# Curvature pairs kept (Nocedal & Wright 2006, section 7.2: between 3 and 20).
MEMORY = 8
# Share of the promised decrease a step must bring (Nocedal & Wright 2006, section 3.1).
ARMIJO = 1e-4
SHORTEST_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class SoftmaxModel:
    """A fitted model.

    Attributes:
        weights: Shape (features, classes).
        bias: Shape (classes,).
    """

    weights: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """Return the classes' scores before the softmax, shape (n, classes)."""
        return features @ self.weights + self.bias


def softmax(logits: Floats) -> Floats:
    """Return row-wise probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Floats = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def fit_softmax(features: Floats, labels: Labels, classes: int, l2: float) -> SoftmaxModel:
    """Fit by minimising cross-entropy; classes weigh the same however many examples they have.

    Args:
        features: One row per example, shape (n, d).
        labels: Class index of each example.
        classes: Number of classes; one without examples gets no probability worth speaking of.
        l2: Weight of half the squared weights beside the mean cross-entropy.
    """
    loss = _Loss(np.hstack([features, np.ones((len(features), 1), dtype=np.float32)]), labels, classes, l2)
    current = np.zeros((features.shape[1] + 1, classes), dtype=np.float32)
    # Down by limited-memory BFGS with step halving (Nocedal & Wright 2006, algorithm 7.5).
    pairs: deque[tuple[Floats, Floats]] = deque(maxlen=MEMORY)
    value, slope = loss(current)
    for _ in range(MAX_STEPS):
        way = _direction(slope, pairs)
        step, promised = 1.0, _dot(slope, way)
        following = current - way
        new_value, new_slope = loss(following)
        while new_value > value - ARMIJO * step * promised and step > SHORTEST_STEP:
            step /= 2
            following = current - np.float32(step) * way
            new_value, new_slope = loss(following)
        moved, bent = following - current, new_slope - slope
        if _dot(moved, bent) > 0:
            pairs.append((moved, bent))
        gained = value - new_value
        current, value, slope = following, new_value, new_slope
        if gained < PRECISION * abs(value):
            break
    return SoftmaxModel(current[:-1], current[-1])


class _Loss:
    """The ridged, class-balanced cross-entropy and its slope."""

    def __init__(self, inputs: Floats, labels: Labels, classes: int, l2: float) -> None:
        counts = np.bincount(labels, minlength=classes)
        self._inputs = inputs
        self._labels = labels
        self._rows = np.arange(len(labels))
        self._shares = (1.0 / (counts[labels] * np.count_nonzero(counts))).astype(np.float32)
        self._l2 = l2

    def __call__(self, weights: Floats) -> tuple[float, Floats]:
        """Return the loss at ``weights`` and its gradient."""
        errors = softmax(self._inputs @ weights)
        likelihoods = errors[self._rows, self._labels]
        loss = -float(self._shares @ np.log(likelihoods + np.float32(1e-30)))
        errors[self._rows, self._labels] -= 1.0
        errors *= self._shares[:, None]
        slope: Floats = self._inputs.T @ errors + self._l2 * weights
        return loss + self._l2 / 2 * _dot(weights, weights), slope


def _direction(slope: Floats, pairs: deque[tuple[Floats, Floats]]) -> Floats:
    """Return the slope times the inverse Hessian as far as the pairs tell it (algorithm 7.4)."""
    if not pairs:
        return slope / np.float32(max(np.abs(slope).max(), 1e-12))
    way = slope.copy()
    weights = []
    for moved, bent in reversed(pairs):
        weight = _dot(moved, way) / _dot(moved, bent)
        weights.append(weight)
        way -= np.float32(weight) * bent
    moved, bent = pairs[-1]
    way *= np.float32(_dot(moved, bent) / _dot(bent, bent))
    for (moved, bent), weight in zip(pairs, reversed(weights), strict=True):
        way += np.float32(weight - _dot(bent, way) / _dot(moved, bent)) * moved
    return way


def _dot(left: Floats, right: Floats) -> float:
    return float(np.vdot(left, right))
