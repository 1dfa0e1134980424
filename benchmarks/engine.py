"""Measure the embedded engine on public sets: run `python -m benchmarks.engine DATA_DIR`.

The figures quoted in comments of ticketflow/engines/embedded come from here.
"""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sets import (
    build_index,
    find_best,
    halve_articles,
    index_row,
    read_rows,
    read_shop_articles,
    read_shop_tickets,
    read_stackfaq,
)
from ticketflow.engines.embedded import ANSWER_CONFIDENCE, build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.facts.extractor import find_facts, parse_instant
from ticketflow.engines.embedded.search.knowledge import EmbeddedKnowledge
from ticketflow.engines.embedded.search.passages import IndexedArticle
from ticketflow.engines.embedded.write.writer import needs_person
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.finalize import finalize
from ticketflow.workflow.steps.research import research
from ticketflow.workflow.steps.review import review

RECEIVED_AT = "2026-01-15T10:00:00Z"
ENTITY_TYPES = {"order_id": "order_id", "invoice_id": "invoice_id", "refund_amount": "amount"}
SUBJECT_LENGTH = 80
HALVES = 5
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, ANSWER_CONFIDENCE, 0.95)


def main(folder: Path) -> None:
    """Print every figure."""
    measure_extraction(read_rows(folder / "bitext" / "val.jsonl"))
    measure_search(*read_stackfaq(folder))
    measure_shop()
    guidelines = build_index([index_row(row) for row in read_rows(folder / "abcd" / "articles.jsonl")])
    tools = build_embedded_tools(EmbeddedKnowledge(shared_encoder(), guidelines))
    measure_steps("bitext/val", tools, read_rows(folder / "bitext" / "val.jsonl"))
    measure_steps("banking77/train[:1000]", tools, read_rows(folder / "banking77" / "train.jsonl")[:1000])


def measure_extraction(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print F1 per entity type, by value."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        facts = find_facts(row["text"], "en", parse_instant(RECEIVED_AT))
        for theirs, ours in ENTITY_TYPES.items():
            gold = {each["value"].lstrip("#") for each in row["entities"] if each["type"] == theirs}
            found = {each.value.partition(".")[0] for each in facts if each.type == ours}
            counts.update({(ours, "hit"): len(gold & found), (ours, "wrong"): len(gold ^ found)})
    for kind in ENTITY_TYPES.values():
        hits, wrong = counts[kind, "hit"], counts[kind, "wrong"]
        say(f"extract {kind}: F1 {2 * hits / (2 * hits + wrong):.3f} over {hits + wrong}")


def measure_search(articles: Sequence[IndexedArticle], questions: Sequence[Mapping[str, Any]]) -> None:
    """Print recall@1 with all articles, and the price of each threshold with half of them gone."""
    found = judge(articles, questions)
    say(f"search StackFAQ: recall@1 {found.right.mean():.3f}")
    halves = [judge(half, questions) for half in halve_articles(articles, HALVES)]
    print_prices("StackFAQ, half the articles missing (fitted on; see benchmarks.confidence)", join(halves))


def measure_shop() -> None:
    """Print recall@1 and the price of each threshold for the sample shop's tickets."""
    articles, tickets = read_shop_articles(), read_shop_tickets()
    for part, rows in (("fitted on", tickets[::2]), ("held out", tickets[1::2])):
        found = judge(articles, rows)
        say(f"search shop, {part}: recall@1 {found.right[found.answerable].mean():.3f}")
        for_person = np.array([needs_person(shared_encoder(), row["text"]) for row in rows])
        print_prices(f"shop, {part}, search alone", found)
        found.confidence[for_person] = 0.0
        print_prices(f"shop, {part}, tickets for a person left to people", found)


@dataclass(frozen=True, slots=True)
class Judged:
    """How sure a search was of each question's best article, whether it was right, whether it could be."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    answerable: NDArray[np.bool_]

    def pick(self, chosen: NDArray[np.bool_]) -> "Judged":
        """Keep some of the questions."""
        return Judged(self.confidence[chosen], self.right[chosen], self.answerable[chosen])


def judge(articles: Sequence[IndexedArticle], questions: Sequence[Mapping[str, Any]]) -> Judged:
    """Search articles for each question."""
    index = build_index(articles)
    best = [find_best(index, each["text"]) for each in questions]
    pairs = list(zip(best, questions, strict=True))
    return Judged(
        np.array([found.confidence for found in best]),
        np.array([found.article.article_id == question["gold"] for found, question in pairs]),
        np.array([question["gold"] in index.versions for question in questions]),
    )


def join(parts: Sequence[Judged]) -> Judged:
    """Put several runs together."""
    return Judged(
        np.concatenate([each.confidence for each in parts]),
        np.concatenate([each.right for each in parts]),
        np.concatenate([each.answerable for each in parts]),
    )


def print_prices(name: str, found: Judged) -> None:
    """Print what each threshold costs and saves."""
    say(f"{name}: {found.answerable.sum()} answerable, {(~found.answerable).sum()} not")
    for threshold in THRESHOLDS:
        said = found.confidence >= threshold
        precision = found.right[said].mean() if said.any() else 1.0
        right, answered = (said & found.right)[found.answerable].mean(), said[found.answerable].mean()
        say(
            f"  from {threshold}: precision {precision:.3f}, right {right:.3f}, answered {answered:.3f}, "
            f"without an article {said[~found.answerable].mean():.3f}"
        )


def measure_steps(name: str, tools: Tools, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print outcomes and the time a ticket takes on this machine."""
    run_steps(tools, "Where is my order?")
    started = time.perf_counter()
    states = [run_steps(tools, row["text"]) for row in rows]
    elapsed_ms = (time.perf_counter() - started) / len(rows) * 1000
    outcomes = Counter((state["result"]["resolution"], state["verdict"], state["revision"]) for state in states)
    say(f"steps {name}: {len(rows)} tickets, {elapsed_ms:.1f} ms each, {dict(outcomes)}")
    say(f"  categories {dict(Counter(state['category'] for state in states).most_common())}")


def run_steps(tools: Tools, text: str) -> dict[str, Any]:
    """Run all steps on one text, loops included, without the graph."""
    state: dict[str, Any] = {
        "ticket_id": "00000000-0000-0000-0000-000000000000",
        "tenant": "default",
        "subject": text[:SUBJECT_LENGTH],
        "body": text,
        "customer_name": None,
        "customer_email": None,
        "channel": None,
        "requested_priority": None,
        "received_at": RECEIVED_AT,
        "timezone": "UTC",
        "masked": [],
    }
    steps: list[Any] = [classify, extract, research, draft, review]
    while steps:
        state |= steps.pop(0)(state, tools)
        if not steps and state["verdict"] == "revise":
            steps = [draft, review]
    return state | finalize(state, tools)  # type: ignore[arg-type]  # a plain dict stands for the TypedDict


def say(line: str) -> None:
    """Write one line of the report."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
