"""A run of ``ticketflow eval``: reads what it is given, tries what is asked for, writes and shows what came of it."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from ticketflow.adapters.classifier_models import find_published_taxonomy
from ticketflow.cli.article_files import read_articles
from ticketflow.cli.database import open_sessions
from ticketflow.cli.entries import read_entries, read_input
from ticketflow.cli.eval_options import Options, describe_command
from ticketflow.cli.terminal import print_line, progress_bar, results, say
from ticketflow.cli.ticket_view import build_table
from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.candidates import Material, build_candidate
from ticketflow.evaluation.categories import CATEGORIES
from ticketflow.evaluation.comparison import compare
from ticketflow.evaluation.entities import DEFAULT_ALIASES
from ticketflow.evaluation.evaluation import Evaluation
from ticketflow.evaluation.library import Article, GivenLibrary, Library, StoredLibrary
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.past import load_trial
from ticketflow.evaluation.read_only import read_only
from ticketflow.evaluation.replay import build_replay, build_rows, list_changes, read_tickets
from ticketflow.evaluation.report import write_json, write_report
from ticketflow.evaluation.rows import Row, list_labels, read_examples, read_rows
from ticketflow.evaluation.sections import choose_sections, find_last_step, find_meaning
from ticketflow.evaluation.trial import Candidate, try_candidate
from ticketflow.evaluation.versions import Version, parse_version
from ticketflow.evaluation.wrapping import FORMS, wrap_rows
from ticketflow.settings import load_settings
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

MOST_CHANGES = 20


def measure(options: Options) -> Evaluation:
    """Try the version asked for, and the one to compare it with, on labelled rows."""
    version, against = Version(engine=options.engine, taxonomy=options.taxonomy), parse_version(options.against)
    rows = read_data(options)
    sections = choose_sections(rows, options.steps)
    last_step = find_last_step(sections, options.steps)
    needs_articles = options.articles is None and not ticket_plan().is_before(last_step, "research")
    sessions = open_stored() if needs_articles else find_stored() if options.wants_stored_model else None
    library, rows = open_library(options, sessions if needs_articles else None, rows)
    material = gather_material(options, sessions, library, rows, with_labels=CATEGORIES in sections)
    if options.wrap:
        return measure_forms(options, rows, build_candidate(material, version))
    past = load_trial(against.report, rows) if against.report else None
    trials = []
    versions = [version] if past or not options.against else [version, against]
    with progress_bar(len(rows) * options.draws * len(versions)) as bar:
        bar.start("evaluating")
        for each in versions:
            candidate = build_candidate(material, each)
            trials.append(try_candidate(candidate, rows, sections, last_step, options.draws, bar.advance))
    trials += [past] if past else []
    differences = compare(trials[0], trials[1], options.seed) if options.against else {}
    return Evaluation(str(options.data), rows, options.draws, trials, differences)


def measure_forms(options: Options, rows: list[Row], candidate: Candidate) -> Evaluation:
    """Try one version on the rows in every form that people write them in."""
    trials = []
    same = replace(candidate, build=cache(candidate.build))  # a draw is indexed once, not once for each form
    with progress_bar(len(rows) * options.draws * len(FORMS)) as bar:
        bar.start("evaluating")
        for form in FORMS:
            wrapped = wrap_rows(form, rows, options.seed)
            sections = choose_sections(wrapped, options.steps)
            last_step = find_last_step(sections, options.steps)
            trial = try_candidate(same, wrapped, sections, last_step, options.draws, bar.advance)
            trials.append(replace(trial, name=form))
    return Evaluation(str(options.data), rows, options.draws, trials)


def open_stored() -> Sessions:
    """Open the database, until the command ends, so that nothing in it can change."""
    sessions = read_only(click.get_current_context().with_resource(open_sessions()))
    find_published_taxonomy(sessions, DEFAULT_TENANT)  # the first query fails here, where one can tell what it was for
    return sessions


def find_stored() -> Sessions | None:
    """Open the database; ``None`` when none with our tables answers."""
    try:
        return open_stored()
    except (OperationalError, ProgrammingError):
        return None


def open_library(options: Options, sessions: Sessions | None, rows: list[Row]) -> tuple[Library, list[Row]]:
    """Open the articles to answer from, and name those of the rows as they are named there."""
    if options.articles is not None:
        return read_library(options, options.articles), rows
    if sessions is None:
        return GivenLibrary(), rows
    stored = StoredLibrary(sessions, DEFAULT_TENANT)
    return stored, stored.name_articles(rows)


def replay(options: Options) -> Evaluation:
    """Run stored tickets again and compare with what came of them."""
    sessions = open_stored()
    tickets = read_stored_tickets(options, sessions)
    library, rows = open_library(options, sessions, build_rows(tickets))
    material = gather_material(options, sessions, library, rows, with_labels=False)
    candidate = build_candidate(material, Version(engine=options.engine, taxonomy=options.taxonomy))
    with progress_bar(len(rows)) as bar:
        bar.start("replaying")
        trial = try_candidate(candidate, rows, [build_replay(tickets)], "finalize", 1, bar.advance)
    return Evaluation("stored tickets", rows, 1, [trial], changes=list_changes(tickets, trial.outcomes[0]))


def write(options: Options, evaluation: Evaluation) -> None:
    """Write the files asked for."""
    if options.json_file is not None:
        write_json(options.json_file, evaluation.describe())
    if options.report is not None:
        write_report(options.report, evaluation, describe_command(click.get_current_context()))
        print_line(f"the report is {options.report / 'report.html'}")


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
        yardstick=Yardstick(
            out_of_scope=options.out_of_scope,
            aliases=read_aliases(options.aliases),
            precision=options.at_precision,
        ),
        seed=options.seed,
        sessions=sessions,
    )


def read_library(options: Options, path: Path) -> GivenLibrary:
    """Read the articles to search.

    Raises:
        InvalidInputError: One cannot be read; the message names it.
    """
    source = read_articles(path)
    if source.failures:
        raise InvalidInputError(f"{path.name}: {source.failures[0]}")
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


def print_evaluation(evaluation: Evaluation) -> None:
    """Print every figure: its mean, its range over the draws, and how two versions differ."""
    names = [trial.name for trial in evaluation.trials]
    columns = ["figure", *names]
    columns += ["lowest to highest draw"] if evaluation.draws > 1 else []
    columns += ["difference", "95 % of resamples", ""] if evaluation.differences else []
    rows = [_row(evaluation, name) for name in evaluation.names()]
    draws = f", {evaluation.draws} draws" if evaluation.draws > 1 else ""
    print_line(f"{evaluation.source}: {len(evaluation.rows)} rows{draws}")
    results().print(build_table("figures", columns, rows))

    if not evaluation.changes:
        return
    shown = evaluation.changes[:MOST_CHANGES]
    changes = [
        (each["id"], what, before, after) for each in shown for what, (before, after) in each["changes"].items()
    ] + [(each["id"], "error", "", each["error"]) for each in shown if each["error"]]
    results().print(build_table("would come out differently", ("ticket", "what", "then", "now"), changes))
    if len(evaluation.changes) > MOST_CHANGES:
        say(f"and {len(evaluation.changes) - MOST_CHANGES} more tickets; --report or --json list all of them")


def _row(evaluation: Evaluation, name: str) -> list[str]:
    figures = [trial.figures.get(name) for trial in evaluation.trials]
    row = [name, *("-" if figure is None else format_figure(name, figure.value) for figure in figures)]
    first = figures[0]
    is_one = first is None or first.low == first.high
    row += ["" if first is None or is_one else _span(name, first.low, first.high)] if evaluation.draws > 1 else []
    difference = evaluation.differences.get(name)
    if difference is None:
        return row + ["", "", ""] * bool(evaluation.differences)
    interval = difference.interval
    ends = "" if interval is None else _span(name, interval.low, interval.high, "+")
    return [*row, format_figure(name, difference.value, "+"), ends, difference.hint]


def _span(name: str, low: float, high: float, sign: str = "") -> str:
    return f"{format_figure(name, low, sign)} to {format_figure(name, high, sign)}"


def format_figure(name: str, value: float, sign: str = "") -> str:
    """Write a figure with its unit, shares with four decimals."""
    meaning = find_meaning(name)
    unit = meaning.unit if meaning else ""
    return f"{value:{sign}.2f} {unit}" if unit else f"{value:{sign}.4f}"
