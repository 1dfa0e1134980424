"""Scenario d: the embedded engine at work; scenario e: steps that wait as if for a model."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine

from benchmarks.contenders import Fleet, TicketFlow
from benchmarks.results import Figures, Result, say
from benchmarks.saturation import take_turn
from benchmarks.servers import Servers
from benchmarks.sets import read_rows, read_shop_tickets
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.services.articles import import_articles
from ticketflow.storage.articles import NewArticle
from ticketflow.storage.session import build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

ARTICLES = 1000
SHORT, LONG = 10, 80
STEPS = 6
WAVES = 4  # so that what is left over at the end is small beside the whole


def measure_engine(fleet: Fleet, tickets: int, rounds: int, folder: Path | None) -> Result:
    """Let the engine answer tickets of ten words and of eighty, with 1,000 articles."""
    if folder is None:
        say("without --data: tickets and the 25 articles of the sample shop")
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        contenders = []
        for words in (SHORT, LONG):
            texts = servers.folder / f"{words}.jsonl"
            texts.write_text("".join(json.dumps(text) + "\n" for text in list_texts(folder, words)))
            ours = TicketFlow(f"{words} words", servers, fleet, app="ticketflow.tasks", BENCH_TEXTS=str(texts))
            add_articles(ours, folder)
            contenders.append(ours)
        for _ in range(rounds):
            for contender in contenders:
                figures.add(contender.name, take_turn(contender, tickets))
                say(f"{contender.name}: {figures[contender.name]['tickets/s'][-1]:.1f}/s")
    return Result("d", {"size": tickets, "rounds": rounds, **vars(fleet)}, figures.plain())


def list_texts(folder: Path | None, words: int) -> Iterator[tuple[str, str]]:
    """Write tickets of so many words: sentences of bitext, or what customers of the shop tell, cut or joined."""
    if words == SHORT and folder is not None:
        rows = read_rows(folder / "bitext" / "val.jsonl")
        yield from ((row["text"][:80], row["text"]) for row in rows)
        return
    told = [row["body"] for row in read_shop_tickets()]
    for number, body in enumerate(told):
        whole = " ".join([body, *told[number + 1 :], *told]).split()
        yield " ".join(whole[:6]), " ".join(whole[:words])


def add_articles(ours: TicketFlow, folder: Path | None) -> None:
    """Give it a knowledge base: 1,000 paragraphs of guidelines and help threads, or the sample shop's articles."""
    engine = create_engine(ours.database_url)
    articles = list(list_articles(folder)) if folder else read_sample_articles().articles
    list(import_articles(build_session_factory(engine), DEFAULT_TENANT, articles))
    engine.dispose()


def list_articles(folder: Path) -> Iterator[NewArticle]:
    """Make the articles."""
    rows = [*read_rows(folder / "abcd" / "articles.jsonl"), *read_rows(folder / "stackfaq" / "kb_dev.jsonl")]
    texts = [(row["title"], answer) for row in rows for answer in row["answers"]]
    for number in range(ARTICLES):
        title, text = texts[number % len(texts)]
        yield NewArticle(title=f"{title} {number}", body=f"{text[:300]} {number}", external_id=str(number))


def measure_waiting(seconds: float, in_flight: int, rounds: int) -> Result:
    """Let every step wait as if for a model, so many at a time; compare with what waiting alone would take."""
    fleet = Fleet(slots=in_flight // Fleet.workers)
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack, max_connections=str(2 * in_flight + 100))
        ours = TicketFlow(
            "ours", servers, fleet, BENCH_STEP_S=str(seconds), TICKETFLOW_MAX_IN_FLIGHT=str(10 * in_flight)
        )
        for _ in range(rounds):
            measured = take_turn(ours, WAVES * in_flight)
            ideal = in_flight / (STEPS * seconds)
            figures.add("ours", {**measured, "of ideal": measured["tickets/s"] / ideal})
            say(f"{measured['tickets/s']:.1f}/s of {ideal:.1f}")
    return Result("e", {"seconds": seconds, "in_flight": in_flight, "rounds": rounds}, figures.plain())
