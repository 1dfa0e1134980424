"""A whole evaluation: the rows, what was tried on them, and all of it as one JSON object."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ticketflow.evaluation.answers import reply_of, resolution_of
from ticketflow.evaluation.comparison import Difference
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome
from ticketflow.evaluation.sections import find_meaning
from ticketflow.evaluation.trial import Trial

MOST_CONFUSIONS = 25
_GIVEN = ("category", "confidence", "alternatives", "priority", "sentiment", "language", "entities")


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        source: What it was measured on, for people.
        rows: The rows.
        draws: How often each candidate ran over them.
        trials: The candidate, and the one it is held against, if any.
        differences: First minus second, by figure; empty without a second.
        changes: Of replayed tickets: those that would come out differently; see ``replay.list_changes``.
    """

    source: str
    rows: Sequence[Row]
    draws: int
    trials: Sequence[Trial]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    changes: Sequence[Mapping[str, Any]] = ()

    def describe(self) -> dict[str, Any]:
        """Return all figures as plain JSON."""
        candidates = []
        for trial in self.trials:
            confusions = {
                what: [
                    {"gold": gold, "given": given, "count": count}
                    for gold, given, count in count_confusions(trial, what)[:MOST_CONFUSIONS]
                ]
                for what in dict.fromkeys(what for measured in trial.measured for what in measured.pairs)
            }
            figures = {name: asdict(figure) for name, figure in trial.figures.items()}
            steps_ms = {step: {"median": at[0], "p95": at[1]} for step, at in trial.steps_ms.items()}
            candidates.append({"name": trial.name, "figures": figures, "steps_ms": steps_ms, "confusions": confusions})
        return {
            "source": self.source,
            "rows": len(self.rows),
            "draws": self.draws,
            "candidates": candidates,
            "differences": {
                name: {
                    "value": each.value,
                    "interval_95": each.interval and [each.interval.low, each.interval.high],
                    "hint": each.hint,
                }
                for name, each in self.differences.items()
            },
            "changes": list(self.changes),
            "meanings": {name: meaning.text for name in self.names() if (meaning := find_meaning(name)) is not None},
        }

    def names(self) -> list[str]:
        """Name every figure that any candidate has."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.figures))

    def predictions(self) -> Iterator[dict[str, Any]]:
        """Yield what came of each row, for each candidate and draw."""
        for trial in self.trials:
            for draw, outcomes in enumerate(trial.outcomes):
                for row, outcome in zip(self.rows, outcomes, strict=True):
                    yield {"candidate": trial.name, "draw": draw, **describe_prediction(row, outcome)}


def describe_prediction(row: Row, outcome: Outcome) -> dict[str, Any]:
    """Return a row, what was known about it and what came of it, as plain JSON."""
    state = outcome.state
    given: dict[str, Any] = {key: state[key] for key in _GIVEN if key in state}
    if "passages" in state:
        given["found"] = [{key: each[key] for key in ("article_id", "confidence")} for each in state["passages"]]
    if "draft" in state:
        cited = list(dict.fromkeys(each["article_id"] for each in state.get("citations", [])))
        given |= {"resolution": resolution_of(outcome), "cited": cited, "reply": reply_of(outcome)}
    return {
        "place": row.place,
        "text": row.text,
        "gold": row.gold.model_dump(mode="json", exclude_none=True),
        "given": given,
        "error": outcome.error,
        "ms": round(sum(outcome.seconds.values()) * 1000, 3),
    }


def count_confusions(trial: Trial, what: str) -> list[tuple[str, str, int]]:
    """List what was taken for what, in all draws, the most frequent first."""
    pairs = Counter(pair for measured in trial.measured for pair in measured.pairs.get(what, []))
    wrong = [(gold, given, count) for (gold, given), count in pairs.items() if gold != given]
    return sorted(wrong, key=lambda each: (-each[2], each[0], each[1]))
