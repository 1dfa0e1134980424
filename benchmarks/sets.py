"""Read the sets the benchmarks measure on, and index them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticketflow.cli.article_files import read_sample_articles
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.encoder.vectors import Vectors
from ticketflow.engines.embedded.search.asking import asking_units
from ticketflow.engines.embedded.search.index import PassageIndex
from ticketflow.engines.embedded.search.passages import IndexedArticle, index_article
from ticketflow.workflow.state import question_text

SHOP_TICKETS = Path(__file__).parent / "data" / "shop_tickets.jsonl"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_stackfaq(folder: Path) -> tuple[list[IndexedArticle], list[dict[str, Any]]]:
    """Read StackFAQ's articles, indexed, and its questions."""
    articles = [index_row(row) for row in read_rows(folder / "stackfaq" / "kb_dev.jsonl")]
    return articles, read_rows(folder / "stackfaq" / "queries_dev.jsonl")


def read_shop_articles() -> list[IndexedArticle]:
    """Read the sample shop's articles, named after their files."""
    return [
        index_text(str(each.external_id).rpartition("/")[2], each.title, each.body)
        for each in read_sample_articles().articles
    ]


def read_shop_tickets() -> list[dict[str, Any]]:
    """Read the shop's tickets with the text to search with; odd lines are for tuning, even ones held out."""
    return [{**row, "text": question_text(row["subject"], row["body"])} for row in read_rows(SHOP_TICKETS)]


def halve_articles(articles: Sequence[IndexedArticle], draws: int) -> Iterator[list[IndexedArticle]]:
    """Draw random halves, the same ones every time."""
    for seed in range(draws):
        kept = np.random.default_rng(seed).permutation(len(articles))[: len(articles) // 2]
        yield [articles[each] for each in kept]


def encode_question(text: str) -> Vectors:
    """Return the vectors a ticket is searched with."""
    return shared_encoder().encode(asking_units(text))


def build_index(articles: Sequence[IndexedArticle]) -> PassageIndex:
    """Load articles into a fresh index."""
    index = PassageIndex()
    for article in articles:
        index.replace(article)
    return index


def index_row(row: Mapping[str, Any]) -> IndexedArticle:
    """Split and embed one article of a public set."""
    return index_text(row["id"], row["title"], "\n\n".join(row["answers"]))


def index_text(article_id: str, title: str, text: str) -> IndexedArticle:
    """Split and embed one article."""
    return index_article(shared_encoder(), article_id, 1, title, text)
