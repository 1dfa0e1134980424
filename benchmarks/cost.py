"""Measure what the embedded engine costs: run `python -m benchmarks.cost DATA_DIR`; times are of the processor.

A knowledge base of 1,000 articles, tickets of the sample shop and of bitext, one thread. Texts that were embedded
before come from a cache in production too, but no ticket here is ever seen twice.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.engine import RECEIVED_AT, say
from benchmarks.sets import read_rows, read_shop_tickets
from ticketflow.workflow.state import DEFAULT_TENANT

ARTICLES = 1000
TICKETS = 300
Step = Callable[[Any, Any], Mapping[str, Any]]


def main(folder: Path) -> None:
    """Print seconds to load, milliseconds a ticket and MiB resident."""
    started = time.process_time()
    from ticketflow.tasks import app  # noqa: F401, PLC0415  # what a worker imports

    say(f"imports {time.process_time() - started:.2f} s, {measure_resident_mib()} MiB resident")
    tools = measure_loading(folder)
    for name, tickets in list_tickets(folder).items():
        measure_steps(name, tools, tickets)
    say(f"at the end {measure_resident_mib()} MiB resident")


def measure_loading(folder: Path) -> Any:
    """Load the engine, and put the articles into its index."""
    from ticketflow.engines.embedded import build_embedded_tools, shared_encoder  # noqa: PLC0415
    from ticketflow.engines.embedded.search.knowledge import build_knowledge  # noqa: PLC0415

    started = time.process_time()
    shared_encoder().encode(["Hello"])
    say(f"model {time.process_time() - started:.2f} s, {measure_resident_mib()} MiB resident")
    started = time.process_time()
    tools = build_embedded_tools(build_knowledge(shared_encoder(), list_articles(folder)))
    tools.knowledge.search("Hello", 1, DEFAULT_TENANT)
    say(f"{ARTICLES} articles, embedded afresh {time.process_time() - started:.1f} s")
    started = time.process_time()
    tools.classifier.classify("Hello", "Is anybody there?")
    say(f"classifier {time.process_time() - started:.2f} s, {measure_resident_mib()} MiB resident")
    return tools


def measure_steps(name: str, tools: Any, tickets: list[tuple[str, str]]) -> None:
    """Print what each step takes of a ticket, and all of them together."""
    spent: dict[str, list[float]] = defaultdict(list)
    for subject, body in tickets:
        run_timed(tools, subject, body, spent)
    totals = [sum(steps) for steps in zip(*spent.values(), strict=True)]
    say(f"{name}: {len(tickets)} tickets, mean {mean(totals):.1f} ms, median {median(totals):.1f} ms")
    say("  " + ", ".join(f"{step} {mean(each):.2f}" for step, each in spent.items()))


def run_timed(tools: Any, subject: str, body: str, spent: dict[str, list[float]]) -> None:
    """Run the steps of one ticket, once round; add what each took, in milliseconds."""
    from ticketflow.workflow.plan import ticket_plan  # noqa: PLC0415

    state: dict[str, Any] = {
        "ticket_id": "00000000-0000-0000-0000-000000000000",
        "tenant": "default",
        "subject": subject,
        "body": body,
        "customer_name": None,
        "customer_email": None,
        "channel": None,
        "requested_priority": None,
        "received_at": RECEIVED_AT,
        "timezone": "UTC",
        "masked": [],
    }
    for step in ticket_plan().order:
        started = time.process_time()
        state |= ticket_plan().run(step, state, tools)
        spent[step].append((time.process_time() - started) * 1000)


def list_articles(folder: Path) -> list[tuple[str, str, str]]:
    """Make 1,000 articles of a shop's guidelines and help threads: a paragraph each."""
    rows = [*read_rows(folder / "abcd" / "articles.jsonl"), *read_rows(folder / "stackfaq" / "kb_dev.jsonl")]
    texts = [(row["title"], answer) for row in rows for answer in row["answers"]]
    chosen = [texts[each % len(texts)] for each in range(ARTICLES)]
    return [(str(number), f"{title} {number}", f"{text[:300]} {number}") for number, (title, text) in enumerate(chosen)]


def list_tickets(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """List tickets of one sentence, and tickets that tell a story."""
    short = [(row["text"][:80], row["text"]) for row in read_rows(folder / "bitext" / "val.jsonl")[:TICKETS]]
    return {"bitext": short, "shop": [(row["subject"], row["body"]) for row in read_shop_tickets()]}


def measure_resident_mib() -> int:
    """Return what this process holds in memory."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
