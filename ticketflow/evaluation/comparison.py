"""Two versions side by side, and what must not get worse."""

from collections.abc import Mapping
from dataclasses import dataclass

from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.paired import Interval, bootstrap_difference
from ticketflow.evaluation.sections import MEANINGS, find_meaning
from ticketflow.evaluation.trial import Figure, Trial


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
            differences[name] = Difference(value, _interval(trial, against, name, seed))
    return differences


def _interval(trial: Trial, against: Trial, name: str, seed: int) -> Interval | None:
    before, after = against.rowwise.get(name), trial.rowwise.get(name)
    return None if before is None or after is None else bootstrap_difference(before, after, seed)


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
        if meaning is not None and meaning.is_lower_better and value > limit:
            failures.append(f"{name} is {value:.4f}, above {limit:g}")
        elif (meaning is None or not meaning.is_lower_better) and value < limit:
            failures.append(f"{name} is {value:.4f}, under {limit:g}")
    return failures
