"""Fit what confidence.py weighs: run `python -m benchmarks.confidence DATA_DIR`, copy what it prints.

Fitted on StackFAQ with random halves of the articles removed and on one half of shop_tickets.jsonl. The figures
come from threads and tickets held out: fitted on half of the threads, measured on the others, many draws.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets import (
    build_index,
    encode_question,
    halve_articles,
    read_shop_articles,
    read_shop_tickets,
    read_stackfaq,
)
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.write.writer import needs_person

DRAWS = 30
THRESHOLDS = (0.9, 0.91, 0.92, 0.93, 0.94)
# What the shop's tickets weigh together; StackFAQ's weigh 1.
SHOP_SHARE = 0.5
# Chosen among 0.05 to 2 by what is held out. Features are scaled by how much they vary, so one number does.
RIDGE = 1.0
ROUNDS = 60
STORY = -2  # its place among the features, counted from the end

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """The best article's features, whether it is the right one, and whether the right one is there."""

    gold: str | None
    features: tuple[float, ...]
    is_right: bool
    is_answerable: bool


def main(folder: Path) -> None:
    """Print the constants, then what they are worth."""
    articles, questions = read_stackfaq(folder)
    halves = [list_examples(half, questions) for half in halve_articles(articles, 20)]
    tickets = [each for each in read_shop_tickets() if not needs_person(shared_encoder(), each["text"])]
    shop = [list_examples(read_shop_articles(), tickets[part::2]) for part in (0, 1)]
    offset, *weights = fit(flatten(halves), shop[0])
    say(f"OFFSET = {offset:.2f}\nWEIGHTS = ({', '.join(f'{each:.1f}' for each in weights)})")
    measure_held_out(halves, shop)


def measure_held_out(halves: Sequence[list[Example]], shop: Sequence[list[Example]]) -> None:
    """Print what thresholds cost and save where nothing was fitted: mean and spread over draws."""
    golds = sorted({str(example.gold) for example in halves[0]})
    figures: dict[tuple[str, float], list[tuple[float, ...]]] = {}
    for draw in range(DRAWS):
        fitted = set(np.random.default_rng(draw).permutation(golds)[: len(golds) // 2].tolist())
        known = [example for example in flatten(halves[:10]) if example.gold in fitted]
        held = [example for example in flatten(halves[10:]) if example.gold not in fitted]
        weights = fit(known, shop[draw % 2])
        for name, rows in (("StackFAQ", held), ("shop", shop[1 - draw % 2])):
            for threshold in THRESHOLDS:
                figures.setdefault((name, threshold), []).append(measure(weights, rows, threshold))
    for (name, threshold), rows in figures.items():
        means, spreads = np.mean(rows, axis=0), np.std(rows, axis=0)
        parts = [f"{mean:.3f} ± {spread:.3f}" for mean, spread in zip(means, spreads, strict=True)]
        say(f"{name} from {threshold}: precision {parts[0]}, answered {parts[1]}, without an article {parts[2]}")


def measure(weights: Floats, examples: Sequence[Example], threshold: float) -> tuple[float, float, float]:
    """Return precision, the share of answerable questions answered, and the share of the others."""
    features = np.array([(1.0, *each.features) for each in examples])
    said = 1 / (1 + np.exp(-features @ weights)) >= threshold
    right = np.array([each.is_right for each in examples])
    answerable = np.array([each.is_answerable for each in examples])
    return float(right[said].mean()), float(said[answerable].mean()), float(said[~answerable].mean())


def list_examples(articles: Sequence[IndexedArticle], questions: Sequence[dict[str, Any]]) -> list[Example]:
    """Weigh the best article for each question."""
    index = build_index(articles)
    found = [(each["gold"], index.find(encode_question(each["text"]), each["text"], 1)[0]) for each in questions]
    return [
        Example(gold, best.evidence.features(), best.article.article_id == gold, gold in index.versions)
        for gold, best in found
    ]


def fit(stackfaq: Sequence[Example], shop: Sequence[Example]) -> Floats:
    """Return offset and weights."""
    examples = [*stackfaq, *shop]
    features = np.array([each.features for each in examples])
    middle, spread = features[: len(stackfaq)].mean(axis=0), features[: len(stackfaq)].std(axis=0)
    middle[STORY], spread[STORY] = 0.0, 1.0  # hardly any question of StackFAQ tells one
    counts = np.repeat([1.0 / len(stackfaq), SHOP_SHARE / len(shop)], [len(stackfaq), len(shop)])
    scaled = np.column_stack([np.ones(len(examples)), (features - middle) / spread])
    fitted = fit_logistic(scaled, np.array([each.is_right for each in examples], dtype=float), counts)
    weights = fitted[1:] / spread
    return np.array([fitted[0] - weights @ middle, *weights])


def fit_logistic(features: Floats, targets: Floats, weights: Floats) -> Floats:
    """Fit a logistic regression by Newton's method; the offset, in front, is not shrunk."""
    ridge = np.eye(features.shape[1]) * RIDGE * weights.sum() / 1000
    ridge[0, 0] = 0.0
    fitted = np.zeros(features.shape[1])
    for _ in range(ROUNDS):
        likely = 1 / (1 + np.exp(-features @ fitted))
        slope = features.T @ (weights * (targets - likely)) - ridge @ fitted
        curve = (features * (weights * likely * (1 - likely))[:, None]).T @ features + ridge
        fitted = fitted + np.linalg.solve(curve, slope)
    return fitted


def flatten(parts: Sequence[list[Example]]) -> list[Example]:
    """Put lists together."""
    return [example for part in parts for example in part]


def say(line: str) -> None:
    """Write one line of the report."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
