"""One version tried on all rows, as often as chance has a hand in it."""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import Floats
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome, run_row
from ticketflow.workflow.ports import Tools


@dataclass(frozen=True, slots=True)
class Setup:
    """What one draw runs with, and how its outcomes are to be read."""

    tools: Tools
    yardstick: Yardstick


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version to try.

    Attributes:
        name: What reports call it.
        build: Makes its tools for a draw, counted from 0; the same number gives the same draw.
    """

    name: str
    build: Callable[[int], Setup]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over all draws: their mean, the lowest and the highest."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """What came of a candidate.

    Attributes:
        name: The candidate's.
        figures: Every figure; the time a row takes is that of the first draw, before anything is remembered.
        rowwise: Figures that are a mean over rows, by draw and row; NaN where a row does not count.
        steps_ms: Median and 95th percentile of the time each step takes, in milliseconds.
        outcomes: One list for each draw, in the order of the rows; empty for a trial of the past.
        measured: What was measured in each draw; empty for a trial of the past.
    """

    name: str
    figures: Mapping[str, Figure]
    rowwise: Mapping[str, Floats]
    steps_ms: Mapping[str, tuple[float, float]]
    outcomes: Sequence[Sequence[Outcome]] = ()
    measured: Sequence[Measured] = ()


def try_candidate(
    candidate: Candidate,
    rows: Sequence[Row],
    sections: Sequence[Section],
    last_step: str,
    draws: int,
    advance: Callable[[], object] = lambda: None,
) -> Trial:
    """Run all rows in each draw and measure what came of them.

    Raises:
        ConfigurationError: The candidate cannot be built or run.
        InvalidInputError: The data does not fit the candidate.
    """
    outcomes: list[list[Outcome]] = []
    measured, load_s = [], 0.0
    for draw in range(draws):
        started = time.perf_counter()
        setup = candidate.build(draw)
        if draw == 0:
            run_row(rows[0], setup.tools, last_step)
            load_s = time.perf_counter() - started
        outcomes.append([])
        for row in rows:
            outcomes[-1].append(run_row(row, setup.tools, last_step))
            advance()
        measured.append(_measure(rows, outcomes[-1], sections, setup.yardstick))
    median, high = _spread([sum(each.seconds.values()) for each in outcomes[0]])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    in_a_mb = 1024 * 1024 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, else KiB
    cost = {"ms_median": median, "ms_p95": high, "load_s": load_s, "memory_mb": peak / in_a_mb}
    drawn = [each.figures() for each in measured]
    values = {name: [each[name] for each in drawn if name in each] for each in drawn for name in each}
    averaged = {name: Figure(float(np.mean(each)), min(each), max(each)) for name, each in values.items()}
    figures = averaged | {name: Figure(value, value, value) for name, value in cost.items()}
    names = dict.fromkeys(name for each in measured for name in each.rowwise)
    rowwise = {name: np.stack([each.rowwise[name] for each in measured]) for name in names}
    steps = dict.fromkeys(step for each in outcomes[0] for step in each.seconds)
    steps_ms = {step: _spread([each.seconds[step] for each in outcomes[0] if step in each.seconds]) for step in steps}
    return Trial(candidate.name, figures, rowwise, steps_ms, outcomes, measured)


def _measure(
    rows: Sequence[Row], outcomes: Sequence[Outcome], sections: Sequence[Section], yardstick: Yardstick
) -> Measured:
    """Put the figures of all sections together."""
    whole = Measured(rowwise={"failed": hits([outcome.error is not None for outcome in outcomes])})
    for section in sections:
        part = section.measure_all(rows, outcomes, yardstick)
        whole.rowwise |= part.rowwise
        whole.overall |= part.overall
        whole.pairs |= part.pairs
        whole.certainty |= part.certainty
    return whole


def _spread(seconds: Sequence[float]) -> tuple[float, float]:
    median, high = np.percentile(np.array(seconds or [0.0]) * 1000, [50, 95])
    return float(median), float(high)
