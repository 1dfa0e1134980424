"""Fit what confidence.py weighs: run `python -m benchmarks.confidence DATA_DIR`, copy what it prints.

Fitted on the dev half of shop_tickets.jsonl (odd lines) and on the StackFAQ questions of every second article.
"""

import sys
from collections.abc import Iterator, Sequence
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
from ticketflow.engines.embedded.confidence import Evidence
from ticketflow.engines.embedded.knowledge import IndexedArticle
from ticketflow.engines.embedded.persons import needs_person

# What each kind of example weighs together: shop tickets as much as StackFAQ; with their article
# removed, which shops do not do to their readers, a tenth.
SHARES = {"stackfaq": 1.0, "shop": 1.0, "shop, article removed": 0.1}
RIDGE = 1e-3
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Example:
    """The best article's evidence, and whether it is the right one."""

    kind: str
    evidence: Evidence
    is_right: bool


def main(folder: Path) -> None:
    """Print the constants."""
    examples = [*list_stackfaq(folder), *list_shop()]
    counts = {kind: sum(each.kind == kind for each in examples) for kind in SHARES}
    weights = np.array([SHARES[each.kind] / counts[each.kind] * 1000 for each in examples])
    features = np.array([(1.0, *each.evidence.features()) for each in examples])
    offset, *others = fit_logistic(features, np.array([each.is_right for each in examples], dtype=float), weights)
    sys.stdout.write(f"OFFSET = {offset:.1f}\nWEIGHTS = ({', '.join(f'{each:.1f}' for each in others)})\n")


def list_stackfaq(folder: Path) -> Iterator[Example]:
    """Search random halves of the articles, so that every second question has no answer."""
    articles, questions = read_stackfaq(folder)
    fitted = {article.article_id for article in articles[::2]}
    chosen = [each for each in questions if each["gold"] in fitted]
    for half in halve_articles(articles):
        yield from list_examples("stackfaq", half, chosen)


def list_shop() -> Iterator[Example]:
    """Search all articles, and all but the right one; tickets for a person are not asked."""
    articles = read_shop_articles()
    tickets = [each for each in read_shop_tickets()[::2] if not needs_person(shared_encoder(), each["text"])]
    yield from list_examples("shop", articles, tickets)
    for ticket in tickets:
        if ticket["gold"]:
            others = [article for article in articles if article.article_id != ticket["gold"]]
            yield from list_examples("shop, article removed", others, [ticket])


def list_examples(
    kind: str, articles: Sequence[IndexedArticle], questions: Sequence[dict[str, Any]]
) -> Iterator[Example]:
    """Weigh the best article for each question."""
    index = build_index(articles)
    for question in questions:
        article_id, evidence = index.weigh(encode_question(question["text"]), question["text"])[0]
        yield Example(kind, evidence, article_id == question["gold"])


def fit_logistic(
    features: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a logistic regression by Newton's method; the offset, in front, is not shrunk."""
    ridge = np.eye(features.shape[1]) * RIDGE * weights.sum() / 100
    ridge[0, 0] = 0.0
    fitted = np.zeros(features.shape[1])
    for _ in range(ROUNDS):
        likely = 1 / (1 + np.exp(-features @ fitted))
        slope = features.T @ (weights * (targets - likely)) - ridge @ fitted
        curve = (features * (weights * likely * (1 - likely))[:, None]).T @ features + ridge
        fitted = fitted + np.linalg.solve(curve, slope)
    return fitted


if __name__ == "__main__":
    main(Path(sys.argv[1]))
