"""``ticketflow eval``: measure steps on labelled data, or replay stored tickets; no ticket is stored or changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.eval_options import Options, describe_command, takes_options
from ticketflow.cli.terminal import print_line, progress_bar, say
from ticketflow.settings import load_settings
from ticketflow.workflow.state import DEFAULT_TENANT

if TYPE_CHECKING:
    from ticketflow.evaluation.evaluation import Evaluation
    from ticketflow.evaluation.library import Library
    from ticketflow.evaluation.rows import Row
    from ticketflow.storage.session import Sessions


@click.command("eval")
@click.argument("data", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@takes_options
def evaluate(**given: Any) -> None:
    """Run steps over labelled rows and measure how right they are; no ticket is stored or changed.

    DATA has a JSON object a line: text, or subject and body, and what is right about it: label,
    entities, gold (ids of the articles that answer it), priority, sentiment, language, resolution
    or sent. What the rows carry decides what is measured. Exit code 1 if a figure is worse than
    --fail-under allows.
    """
    from ticketflow.cli.database import quiet_logging
    from ticketflow.cli.eval_view import print_evaluation
    from ticketflow.evaluation.comparison import find_failures, parse_limits

    options = Options(**given)
    options.check()
    quiet_logging(load_settings())
    limits = parse_limits(",".join(options.fail_under))
    if options.report is not None:
        from ticketflow.evaluation.plots import require_plots

        require_plots()
    evaluation = replay(options) if options.from_tickets else measure(options)
    print_evaluation(evaluation)
    write(options, evaluation)
    failures = find_failures(evaluation.trials[0].figures, limits)
    for failure in failures:
        say(f"error: {failure}")
    if failures:
        raise click.exceptions.Exit(FAILED)


def measure(options: Options) -> "Evaluation":
    """Try the version asked for, and the one to compare it with, on labelled rows."""
    from ticketflow.cli.eval_run import gather_material, read_data
    from ticketflow.evaluation.candidates import build_candidate
    from ticketflow.evaluation.categories import CATEGORIES
    from ticketflow.evaluation.comparison import compare
    from ticketflow.evaluation.evaluation import Evaluation
    from ticketflow.evaluation.past import load_trial
    from ticketflow.evaluation.sections import choose_sections, find_last_step
    from ticketflow.evaluation.trial import try_candidate
    from ticketflow.evaluation.versions import Version, parse_version
    from ticketflow.workflow.plan import ticket_plan

    version, against = Version(engine=options.engine, taxonomy=options.taxonomy), parse_version(options.against)
    rows = read_data(options)
    sections = choose_sections(rows, options.steps)
    last_step = find_last_step(sections, options.steps)
    needs_articles = options.articles is None and not ticket_plan().is_before(last_step, "research")
    sessions = open_stored() if needs_articles else find_stored() if options.wants_stored_model else None
    library, rows = open_library(options, sessions if needs_articles else None, rows)
    material = gather_material(options, sessions, library, rows, with_labels=CATEGORIES in sections)
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


def open_stored() -> "Sessions":
    """Open the database, until the command ends, so that nothing in it can change."""
    from ticketflow.adapters.classifier_models import find_published_taxonomy
    from ticketflow.cli.database import open_sessions
    from ticketflow.evaluation.read_only import read_only

    sessions = read_only(click.get_current_context().with_resource(open_sessions()))
    find_published_taxonomy(sessions, DEFAULT_TENANT)  # the first query fails here, where one can tell what it was for
    return sessions


def find_stored() -> "Sessions | None":
    """Open the database; ``None`` when none with our tables answers."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    try:
        return open_stored()
    except (OperationalError, ProgrammingError):
        return None


def open_library(options: Options, sessions: "Sessions | None", rows: "list[Row]") -> "tuple[Library, list[Row]]":
    """Open the articles to answer from, and name those of the rows as they are named there."""
    from ticketflow.cli.eval_run import read_library
    from ticketflow.evaluation.library import GivenLibrary, StoredLibrary
    from ticketflow.workflow.state import DEFAULT_TENANT

    if options.articles is not None:
        return read_library(options, options.articles), rows
    if sessions is None:
        return GivenLibrary(), rows
    stored = StoredLibrary(sessions, DEFAULT_TENANT)
    return stored, stored.name_articles(rows)


def replay(options: Options) -> "Evaluation":
    """Run stored tickets again and compare with what came of them."""
    from ticketflow.cli.eval_run import gather_material, read_stored_tickets
    from ticketflow.evaluation.candidates import build_candidate
    from ticketflow.evaluation.evaluation import Evaluation
    from ticketflow.evaluation.replay import build_replay, build_rows, list_changes
    from ticketflow.evaluation.trial import try_candidate
    from ticketflow.evaluation.versions import Version

    sessions = open_stored()
    tickets = read_stored_tickets(options, sessions)
    library, rows = open_library(options, sessions, build_rows(tickets))
    material = gather_material(options, sessions, library, rows, with_labels=False)
    candidate = build_candidate(material, Version(engine=options.engine, taxonomy=options.taxonomy))
    with progress_bar(len(rows)) as bar:
        bar.start("replaying")
        trial = try_candidate(candidate, rows, [build_replay(tickets)], "finalize", 1, bar.advance)
    return Evaluation("stored tickets", rows, 1, [trial], changes=list_changes(tickets, trial.outcomes[0]))


def write(options: Options, evaluation: "Evaluation") -> None:
    """Write the files asked for."""
    from ticketflow.evaluation.report import write_json, write_report

    if options.json_file is not None:
        write_json(options.json_file, evaluation.describe())
    if options.report is not None:
        write_report(options.report, evaluation, describe_command(click.get_current_context()))
        print_line(f"the report is {options.report / 'report.html'}")
