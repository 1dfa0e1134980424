"""Measure the embedded engine on public sets: run `python benchmarks/engine.py DATA_DIR`.

The figures quoted in comments of ticketflow/engines/embedded come from here.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.extractor import find_facts, parse_instant
from ticketflow.engines.embedded.knowledge import (
    EmbeddedKnowledge,
    IndexedArticle,
    PassageIndex,
    embed_passages,
    split_passages,
)
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.finalize import finalize
from ticketflow.workflow.steps.research import research
from ticketflow.workflow.steps.review import review

RECEIVED_AT = "2026-01-15T10:00:00Z"
ENTITY_TYPES = {"order_id": "order_id", "invoice_id": "invoice_id", "refund_amount": "amount"}
HALVES = 8
SUBJECT_LENGTH = 60


def main(folder: Path) -> None:
    """Print every figure."""
    measure_extraction(read_rows(folder / "bitext" / "val.jsonl"))
    articles = [index_article(row) for row in read_rows(folder / "stackfaq" / "kb_dev.jsonl")]
    measure_search(articles, read_rows(folder / "stackfaq" / "queries_dev.jsonl"))
    shop = build_index([index_article(row) for row in read_rows(folder / "abcd" / "articles.jsonl")])
    tools = build_embedded_tools(EmbeddedKnowledge(shared_encoder(), shop))
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


def measure_search(articles: Sequence[IndexedArticle], queries: Sequence[Mapping[str, Any]]) -> None:
    """Print recall@1 with all articles, and the price of each threshold with half of them gone."""
    vectors = [shared_encoder().encode([query["text"]])[0] for query in queries]
    index = build_index(articles)
    best = [index.search(vector, query["text"], 1)[0] for vector, query in zip(vectors, queries, strict=True)]
    hits = [found["article_id"] == query["gold"] for found, query in zip(best, queries, strict=True)]
    say(f"search: recall@1 {np.mean(hits):.3f}")
    rows = []
    for seed in range(HALVES):
        kept = np.random.default_rng(seed).permutation(len(articles))[: len(articles) // 2]
        half = build_index([articles[each] for each in kept])
        for vector, query in zip(vectors, queries, strict=True):
            found = half.search(vector, query["text"], 1)[0]
            rows.append((found["confidence"], found["article_id"] == query["gold"], query["gold"] in half.versions))
    confidence, right, answerable = (np.array(column) for column in zip(*rows, strict=True))
    for threshold in (0.5, 0.7, 0.8, 0.85, 0.9, 0.95):
        said = confidence >= threshold
        say(
            f"answer at {threshold}: precision {right[said].mean():.3f}, coverage {said[answerable].mean():.3f}, "
            f"without an article {said[~answerable].mean():.3f}"
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
        "subject": text[:SUBJECT_LENGTH],
        "body": text,
        "customer_name": None,
        "customer_email": None,
        "channel": None,
        "requested_priority": None,
        "received_at": RECEIVED_AT,
    }
    steps: list[Any] = [classify, extract, research, draft, review]
    while steps:
        state |= steps.pop(0)(state, tools)
        if not steps and state["verdict"] == "revise":
            steps = [draft, review]
    return state | finalize(state, tools)  # type: ignore[arg-type]  # a plain dict stands for the TypedDict


def build_index(articles: Sequence[IndexedArticle]) -> PassageIndex:
    """Load articles into a fresh index."""
    index = PassageIndex()
    for article in articles:
        index.replace(article)
    return index


def index_article(row: Mapping[str, Any]) -> IndexedArticle:
    """Split and embed one article of a set."""
    passages = split_passages(row["title"], "\n\n".join(row["answers"]))
    vectors = embed_passages(shared_encoder(), row["title"], passages)
    return IndexedArticle(row["id"], 1, row["title"], tuple(passages), vectors)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def say(line: str) -> None:
    """Write one line of the report."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
