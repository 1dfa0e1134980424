"""Whether one version is better than another on the same rows, or was only lucky with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a difference lies in 95 % of resamples.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether it leaves out zero: a difference that another sample of rows would most likely show too."""
        return self.low > 0 or self.high < 0


def bootstrap_difference(first: Floats, second: Floats, seed: int = 0) -> Interval:
    """Estimate how sure the difference of two means is, by drawing the rows again with replacement.

    Rows stay paired and all draws of a row stay together, as they are not independent (Efron &
    Tibshirani 1993, chapter 13: the percentile interval).

    Args:
        first: Values of the first version, shape (draws, rows); NaN where a row does not count.
        second: Values of the second one, with as many rows.
        seed: Of the resamples.
    """
    random = np.random.default_rng(seed)
    rows = first.shape[1]
    differences = []
    for _ in range(RESAMPLES // CHUNK):
        weights = random.multinomial(rows, np.full(rows, 1 / rows), size=CHUNK).astype(np.float64)
        differences.append(_weighted_means(second, weights) - _weighted_means(first, weights))
    drawn = np.concatenate(differences)
    counted = drawn[~np.isnan(drawn)]
    if not counted.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.percentile(counted, [2.5, 97.5])
    return Interval(float(low), float(high))


def _weighted_means(values: Floats, weights: Floats) -> Floats:
    """Return the mean of what counts, for each row of weights."""
    counts = weights @ (~np.isnan(values)).sum(axis=0)
    totals = weights @ np.nansum(values, axis=0)
    means: Floats = np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)
    return means
