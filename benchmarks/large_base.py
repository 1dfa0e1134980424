"""Compare a knowledge base in the database with one in memory: run `python -m benchmarks.large_base [PASSAGES]`.

The articles are made up of random words, common and rare ones, about random topics; a word has a random vector, and a
text the sum of its words'. Questions quote a few words of a passage beside others. Nobody would write so, but
neighbours are as many and as near as in a real base of this size, which is what an approximate index has to cope with.
"""

import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from ticketflow.adapters.knowledge import StoredKnowledge
from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS, Vectors
from ticketflow.engines.embedded.search.knowledge import Explanation
from ticketflow.storage.articles import NewArticle, record_article
from ticketflow.storage.embedded import EmbeddedPostgres
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import Sessions, build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

PASSAGES = 20_000
PASSAGES_PER_ARTICLE = 2
QUESTIONS = 100
TOPICS = 300
WORDS = 30_000
TOPIC_WORDS = 200
DRAWN = 10_000_000


class BagEncoder:
    """Gives each word a random direction, and a text their sum; common words count for little."""

    name = "bag of words"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text."""
        return np.stack([self._embed(text) for text in texts])

    def _embed(self, text: str) -> Vectors:
        total = sum((direction(word) for word in text.lower().split()), np.zeros(DIMENSIONS, dtype=np.float32))
        unit: Vectors = np.round(total / max(float(np.linalg.norm(total)), 1e-9), 4).astype(np.float32)
        return unit


def direction(word: str, held: dict[str, Vectors] = {}) -> Vectors:  # noqa: B006  # one table for all texts
    """Return a word's random vector, always the same one."""
    if word not in held:
        held[word] = np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIMENSIONS).astype(np.float32)
    return held[word]


class Author:
    """Writes articles and questions, the same ones every time."""

    def __init__(self) -> None:
        """Choose what each topic is about."""
        self._random = np.random.default_rng(20)
        commonness = 1.0 / np.arange(10, WORDS + 10)
        self._drawn = iter(self._random.choice(WORDS, DRAWN, p=commonness / commonness.sum()).tolist())
        self._topics = [self._draw(TOPIC_WORDS) for _ in range(TOPICS)]

    def write_article(self) -> NewArticle:
        """Write an article of about two passages on one topic."""
        topic = self._topics[self._random.integers(TOPICS)]
        passages = [" ".join(self._sentence(topic) for _ in range(9)) for _ in range(PASSAGES_PER_ARTICLE)]
        return NewArticle(" ".join(self._mix(topic, 6)), "\n\n".join(passages))

    def ask(self, article: NewArticle) -> str:
        """Ask with some words of an article's title and text, and two sentences of others."""
        quoted = [*self._random.choice(article.title.split(), 3), *self._random.choice(article.body.split(), 6)]
        asked = " ".join(str(word).strip(".") for word in quoted)
        return f"{' '.join(self._draw(3))}\n{self._sentence(self._draw(20))} Does {asked}?"

    def _sentence(self, topic: Sequence[str]) -> str:
        return " ".join(self._mix(topic, 15)).capitalize() + "."

    def _mix(self, topic: Sequence[str], count: int) -> list[str]:
        return [*map(str, self._random.choice(topic, count // 2)), *self._draw(count - count // 2)]

    def _draw(self, count: int) -> list[str]:
        return [spell(number) for number in islice(self._drawn, count)]


def spell(number: int) -> str:
    """Return a word for a number: letters only, four to five of them."""
    return "".join(chr(ord("a") + (number // 13**power + 3 * power) % 13) for power in range(5))


def main(passages: int = PASSAGES) -> None:
    """Print what the database finds of what memory finds, and how long both take."""
    author = Author()
    articles = [author.write_article() for _ in range(passages // PASSAGES_PER_ARTICLE)]
    questions = [author.ask(article) for article in articles[:: max(len(articles) // QUESTIONS, 1)]]
    with open_database() as sessions:
        with sessions.begin() as session:
            for article in articles:
                record_article(session, DEFAULT_TENANT, article)
        exact = StoredKnowledge(sessions, BagEncoder(), 10 * passages)
        measure("memory, vectors computed and stored", exact.refresh)
        large = StoredKnowledge(sessions, BagEncoder(), 0)
        measure("database, vectors stored", large.refresh)
        compare(ask_all("memory", exact, questions), ask_all("database", large, questions))


def ask_all(name: str, knowledge: StoredKnowledge, questions: Sequence[str]) -> list[list[Explanation]]:
    """Print how long a search takes, and return what was found."""
    articles = knowledge.articles_of(DEFAULT_TENANT)
    articles.explain(questions[0], 5)
    found: list[list[Explanation]] = []
    seconds: list[float] = []
    for question in questions:
        started = time.perf_counter()
        found.append(articles.explain(question, 5))
        seconds.append(time.perf_counter() - started)
    median, slow = np.percentile(np.array(seconds) * 1000, [50, 95])
    say(f"search in {name}: {median:.0f} ms, 95 of 100 within {slow:.0f} ms")
    return found


def compare(exact: Sequence[Sequence[Explanation]], approximate: Sequence[Sequence[Explanation]]) -> None:
    """Print the share of finds both agree about, and how far confidences are apart."""
    pairs = list(zip(exact, approximate, strict=True))
    first = np.mean([ours[0]["passage"]["article_id"] == theirs[0]["passage"]["article_id"] for ours, theirs in pairs])
    five = np.mean([len(ids(ours) & ids(theirs)) / len(ours) for ours, theirs in pairs])
    say(f"{len(pairs)} questions: the same first article for {first:.3f}, {five:.3f} of the first five")
    for part in ("similarity", "nearness", "title", "lead", "overlap_lead", "rarity"):
        apart = [abs(ours[0]["evidence"][part] - theirs[0]["evidence"][part]) for ours, theirs in pairs]
        say(f"  {part} of the first: apart by {np.mean(apart):.4f} on average, at most {np.max(apart):.4f}")
    apart = [abs(ours[0]["passage"]["confidence"] - theirs[0]["passage"]["confidence"]) for ours, theirs in pairs]
    say(f"  confidence of the first: apart by {np.mean(apart):.4f} on average, at most {np.max(apart):.4f}")


def ids(found: Sequence[Explanation]) -> set[str]:
    """Return the articles found."""
    return {each["passage"]["article_id"] for each in found}


def measure(name: str, work: Callable[[], None]) -> None:
    """Print how long something takes."""
    started = time.perf_counter()
    work()
    say(f"load, {name}: {time.perf_counter() - started:.0f} s")


@contextmanager
def open_database() -> Iterator[Sessions]:
    """Run an embedded PostgreSQL on a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="ticketflow-benchmark-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            upgrade(server.url)
            yield build_session_factory(build_engine(server.url))
        finally:
            server.stop()


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
