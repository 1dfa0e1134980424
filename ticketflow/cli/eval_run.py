"""Reads the files ``ticketflow eval`` is given."""

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from ticketflow.cli.article_files import read_articles
from ticketflow.cli.entries import read_entries, read_input
from ticketflow.cli.eval_options import Options
from ticketflow.cli.terminal import say
from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.candidates import Material
from ticketflow.evaluation.entities import DEFAULT_ALIASES
from ticketflow.evaluation.library import Article, GivenLibrary, Library
from ticketflow.evaluation.replay import read_tickets
from ticketflow.evaluation.rows import Row, list_labels, read_examples, read_rows
from ticketflow.settings import load_settings
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT


def read_data(options: Options) -> list[Row]:
    """Read the rows, or ``--limit`` of them drawn by chance, in the order of the file.

    Raises:
        InvalidInputError: One is no row; the message names file and line.
    """
    path = options.data or Path()
    rows = read_rows(path.name, read_objects(path))
    if options.limit is None or options.limit >= len(rows):
        return rows
    chance = random.Random(options.seed)  # noqa: S311  # which rows are drawn is no secret
    return [rows[place] for place in sorted(chance.sample(range(len(rows)), options.limit))]


def read_stored_tickets(options: Options, sessions: Sessions) -> list[Ticket]:
    """Read the tickets to replay.

    Raises:
        InvalidInputError: There are none.
    """
    since = options.since and options.since.replace(tzinfo=UTC)
    tickets = read_tickets(sessions, DEFAULT_TENANT, options.status, since, options.limit)
    if not tickets:
        raise InvalidInputError(f"--from-tickets: there is no {options.status} ticket to replay")
    return tickets


def read_objects(path: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield each JSON object of a file with its place.

    Raises:
        InvalidInputError: There is something else in it; the message names file and line.
    """
    for entry in read_entries(str(path), read_input(str(path))):
        if entry.content is None:
            raise InvalidInputError(f"{path.name}: {entry.place}: {entry.problem}")
        yield entry.place, entry.content


def gather_material(
    options: Options, sessions: Sessions | None, library: Library, rows: Sequence[Row], *, with_labels: bool
) -> Material:
    """Gather what all candidates have in common.

    Args:
        options: The command line.
        sessions: Where classifiers are stored; ``None`` without a database.
        library: The articles to answer from.
        rows: The data.
        with_labels: Whether categories are measured, so that the data's labels must be categories.
    """
    examples = read_examples(options.examples.name, read_objects(options.examples)) if options.examples else {}
    warn_of_leaks(rows, examples)
    return Material(
        settings=load_settings(),
        labels=list_labels(rows) if with_labels else [],
        library=library,
        examples=examples,
        per_class=options.per_class,
        is_names_only=options.names_only,
        out_of_scope=options.out_of_scope,
        aliases=read_aliases(options.aliases),
        precision=options.at_precision,
        seed=options.seed,
        sessions=sessions,
    )


def read_library(options: Options, path: Path) -> GivenLibrary:
    """Read the articles to search.

    Raises:
        InvalidInputError: One cannot be read; the message names it.
    """
    source = read_articles(path)
    if source.problems:
        raise InvalidInputError(f"{path.name}: {source.problems[0]}")
    articles = [
        Article(str(each.external_id), "" if options.without_titles else each.title, each.body)
        for each in source.articles
    ]
    return GivenLibrary(articles, options.leave_out, options.seed)


def read_aliases(written: Sequence[str]) -> dict[str, str]:
    """Read ``theirs=ours``; nothing after the sign leaves a type out.

    Raises:
        InvalidInputError: One has no sign.
    """
    for each in written:
        if "=" not in each:
            raise InvalidInputError(f"--map: {each!r} must read theirs=ours, such as refund_amount=amount")
    return dict(DEFAULT_ALIASES) | dict(each.split("=", 1) for each in written)


def warn_of_leaks(rows: Sequence[Row], examples: Mapping[str, Sequence[str]]) -> None:
    """Say so if rows to measure on are among those to learn from: such figures flatter."""
    known = {text for texts in examples.values() for text in texts}
    leaks = sum(row.text in known for row in rows)
    if leaks:
        say(f"{leaks} of {len(rows)} rows are among the examples: the figures will be better than they should")
