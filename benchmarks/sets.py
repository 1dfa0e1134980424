"""Read the sets the benchmarks measure on, and index them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticketflow.cli.article_files import read_sample_articles
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.search.asking import read_asked
from ticketflow.engines.embedded.search.index import Found, PassageIndex
from ticketflow.engines.embedded.search.passages import IndexedArticle, index_article
from ticketflow.workflow.state import question_text

DATA = Path(__file__).parent / "data"
SHOP_TICKETS = DATA / "shop_tickets.jsonl"


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


def read_trades() -> tuple[list[IndexedArticle], list[dict[str, Any]]]:
    """Read the articles of four trades, indexed, and tickets as people write them."""
    articles = [index_text(row["id"], row["title"], row["body"]) for row in read_rows(DATA / "trade_articles.jsonl")]
    return articles, read_rows(DATA / "trade_tickets.jsonl")


def read_bases(folder: Path) -> Iterator[tuple[str, list[IndexedArticle], list[dict[str, Any]]]]:
    """Read every knowledge base there are questions for, by name."""
    yield "StackFAQ", *read_stackfaq(folder)
    yield "trades", *read_trades()
    yield "shop", read_shop_articles(), read_rows(SHOP_TICKETS)


def find_best(index: PassageIndex, text: str) -> Found:
    """Return the surest find for a text."""
    asked = read_asked(text)
    return index.find(asked.windows, asked.build_vectors(shared_encoder().encode(asked.texts)), 1)[0]


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
