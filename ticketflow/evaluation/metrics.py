"""Figures about predictions, each in a few lines of numpy; docs/how-to/evaluate.md defines them in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RELIABILITY_BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks"


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of about the same confidence.

    Attributes:
        lower: Confidence from which a prediction falls in here (excluded, but for 0).
        upper: Confidence up to which it does (included).
        count: How many there are.
        confidence: Their mean confidence; NaN when there are none.
        accuracy: The share of them that is right; NaN when there are none.
    """

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Found:
    """How many things were found rightly, wrongly, and not at all."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """The share of what was found that is right; NaN when nothing was."""
        return _ratio(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of what was to be found that was; NaN when there was nothing."""
        return _ratio(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN when there was nothing to find and nothing was found."""
        return _ratio(2 * self.right, 2 * self.right + self.wrong + self.missed)


def mean(values: Floats) -> float:
    """Average what counts; NaN values do not, and without any the mean is NaN."""
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if counted.size else float("nan")


def macro_f1(gold: Sequence[str], given: Sequence[str]) -> float:
    """Average F1 over the labels that occur in ``gold``, each weighing the same."""
    expected, predicted = np.array(gold), np.array(given)
    scores = []
    for label in set(gold):
        is_gold, is_given = expected == label, predicted == label
        right = int((is_gold & is_given).sum())
        scores.append(Found(right, int(is_given.sum()) - right, int(is_gold.sum()) - right).f1)
    return mean(np.array(scores, dtype=np.float64))


def reliability(confidences: Floats, hits: Floats, bins: int = RELIABILITY_BINS) -> list[Bin]:
    """Sort predictions into bins of equal width by their confidence, in [0, 1]."""
    places = np.clip(np.ceil(confidences * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(
            place / bins,
            (place + 1) / bins,
            int((places == place).sum()),
            mean(confidences[places == place]),
            mean(hits[places == place]),
        )
        for place in range(bins)
    ]


def expected_calibration_error(bins: Iterable[Bin]) -> float:
    """Return how far confidence and accuracy lie apart, on average over all predictions; NaN without any."""
    filled = [each for each in bins if each.count]
    gap = sum(each.count * abs(each.accuracy - each.confidence) for each in filled)
    return _ratio(gap, sum(each.count for each in filled))


def coverage_at_precision(confidences: Floats, hits: Floats, precision: float) -> float:
    """Return the largest share of predictions, the surest first, of which ``precision`` are right.

    Predictions of the same confidence are taken together: a threshold cannot tell them apart.
    """
    if not confidences.size:
        return float("nan")
    order = np.argsort(-confidences, kind="stable")
    ranked = confidences[order]
    counts = np.arange(1, ranked.size + 1)
    is_last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    is_good = (np.cumsum(hits[order]) / counts >= precision) & is_last_of_equals
    return float(counts[is_good].max(initial=0) / ranked.size)


def auroc(positives: Floats, negatives: Floats) -> float:
    """Return how likely a positive scores above a negative, ties counting half; NaN when either is missing."""
    if not positives.size or not negatives.size:
        return float("nan")
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).mean() / (2 * negatives.size))


def similarity(first: str, second: str) -> float:
    """Compare two texts word by word: twice the words in common, in order, over all words; 1 for equal ones."""
    return SequenceMatcher(None, first.split(), second.split(), autojunk=False).ratio()


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
