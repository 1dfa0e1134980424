"""How good a fitted classifier is, judged on its own examples by cross-validation."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ticketflow.engines.embedded.classify.calibration import calibration_error
from ticketflow.engines.embedded.classify.regression import Labels
from ticketflow.engines.embedded.classify.training import FittedClassifier, HeldOut

# With fewer examples than this a category's figures, and its tickets, are left to luck.
FEW_EXAMPLES = 8
MOST_CONFUSIONS = 10
MOST_TEXTS = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """Cross-validated figures; ``None`` where there are no examples to judge by.

    Attributes:
        categories: How many there are.
        examples: How many sentences they were fitted on.
        accuracy: Share of examples sorted right.
        macro_f1: Mean F1 of the categories with examples.
        ece: Expected calibration error.
    """

    categories: int
    examples: int
    accuracy: float | None
    macro_f1: float | None
    ece: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the figures as a JSON value."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Examples of one category that look like another.

    Attributes:
        texts: Up to three of them.
    """

    category: str
    taken_for: str
    count: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What an operator should know of a fit.

    Attributes:
        confusions: The most frequent first.
        thin: Categories with too few examples, and how many they have.
    """

    figures: Figures
    confusions: tuple[Confusion, ...]
    thin: dict[str, int]


def build_report(fitted: FittedClassifier, held_out: HeldOut) -> Report:
    """Judge a fit by the examples it was made of."""
    names = [category.name for category in fitted.taxonomy.categories]
    probabilities = held_out.probabilities(fitted.calibration)
    guessed = probabilities.argmax(axis=1) if len(probabilities) else held_out.labels
    is_right = guessed == held_out.labels
    is_judged = bool(len(held_out.labels))
    return Report(
        figures=Figures(
            categories=len(names),
            examples=int(held_out.counts.sum()),
            accuracy=round(float(is_right.mean()), 4) if is_judged else None,
            macro_f1=round(measure_macro_f1(held_out.labels, guessed), 4) if is_judged else None,
            ece=round(calibration_error(probabilities.max(axis=1), is_right), 4) if is_judged else None,
        ),
        confusions=list_confusions(held_out, guessed, names),
        thin={name: int(count) for name, count in zip(names, held_out.counts, strict=True) if count < FEW_EXAMPLES},
    )


def measure_macro_f1(labels: Labels, guessed: Labels) -> float:
    """Return the mean F1 of the classes that have examples."""
    scores = [
        2 * np.sum((labels == label) & (guessed == label)) / (np.sum(labels == label) + np.sum(guessed == label))
        for label in np.unique(labels)
    ]
    return float(np.mean(scores))


def list_confusions(held_out: HeldOut, guessed: Labels, names: list[str]) -> tuple[Confusion, ...]:
    """List which categories are taken for which, the most frequent first."""
    texts: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for text, label, guess in zip(held_out.texts, held_out.labels, guessed, strict=True):
        if label != guess:
            texts[names[label], names[guess]].append(text)
    ordered = sorted(texts.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(
        Confusion(category, taken_for, len(found), tuple(found[:MOST_TEXTS]))
        for (category, taken_for), found in ordered[:MOST_CONFUSIONS]
    )
