"""Two versions side by side: whether one is better or was only lucky with the rows, and what must not get worse."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.metrics import Floats
from ticketflow.evaluation.sections import MEANINGS, find_meaning
from ticketflow.evaluation.trial import Figure, Trial

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


@dataclass(frozen=True, slots=True)
class Difference:
    """How a figure of one version differs from that of the one it is held against.

    Attributes:
        value: The one less the other.
        interval: Where it lies in 95 % of resamples; ``None`` for a figure that is no mean over rows.
    """

    value: float
    interval: Interval | None

    @property
    def hint(self) -> str:
        """Whether to believe it, in a word or two."""
        if self.interval is None or self.value == 0:
            return ""
        return "sure" if self.interval.is_sure else "may be chance"


def compare(trial: Trial, against: Trial, seed: int = 0) -> dict[str, Difference]:
    """Return the difference of every figure both have."""
    differences = {}
    for name in trial.figures:
        if name in against.figures:
            value = trial.figures[name].value - against.figures[name].value
            before, after = against.rowwise.get(name), trial.rowwise.get(name)
            interval = None if before is None or after is None else bootstrap_difference(before, after, seed)
            differences[name] = Difference(value, interval)
    return differences


def parse_limits(written: str) -> dict[str, float]:
    """Read ``accuracy=0.9,ece=0.05``.

    Raises:
        InvalidInputError: It reads otherwise, or there is no such figure; the message lists those there are.
    """
    limits = {}
    for part in filter(None, (each.strip() for each in written.split(","))):
        name, _, number = (each.strip() for each in part.partition("="))
        try:
            limits[name] = float(number)
        except ValueError:
            raise InvalidInputError(f"--fail-under: {part!r} must read name=number, such as accuracy=0.9") from None
        if find_meaning(name) is None:
            known = ", ".join([*MEANINGS, "TYPE.precision", "TYPE.recall", "TYPE.f1", "TYPE.span_f1"])
            raise InvalidInputError(f"--fail-under: there is no figure {name!r}; there are {known}")
    return limits


def find_failures(figures: Mapping[str, Figure], limits: Mapping[str, float]) -> list[str]:
    """Name each figure that is not good enough, with what it is and what it should be.

    Raises:
        InvalidInputError: The run did not measure one; the message lists what it did.
    """
    failures = []
    for name, limit in limits.items():
        if name not in figures:
            raise InvalidInputError(f"--fail-under: this run did not measure {name}, but {', '.join(figures)}")
        value, meaning = figures[name].value, find_meaning(name)
        is_lower_better = meaning is not None and meaning.is_lower_better
        if value > limit if is_lower_better else value < limit:
            failures.append(f"{name} is {value:.4f}, {'above' if is_lower_better else 'under'} {limit:g}")
    return failures
