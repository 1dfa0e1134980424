"""``ticketflow eval``: measure steps on labelled data, or replay stored tickets; no ticket is stored or changed."""

from pathlib import Path
from typing import Any

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.eval_options import Options, takes_options
from ticketflow.cli.terminal import say
from ticketflow.settings import load_settings


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
    from ticketflow.cli.eval_run import measure, print_evaluation, replay, write
    from ticketflow.evaluation.comparison import find_failures, parse_limits
    from ticketflow.evaluation.plots import require_plots

    options = Options(**given)
    options.check()
    quiet_logging(load_settings())
    limits = parse_limits(",".join(options.fail_under))
    if options.report is not None:
        require_plots()
    evaluation = replay(options) if options.from_tickets else measure(options)
    print_evaluation(evaluation)
    write(options, evaluation)
    held = evaluation.trials if options.wrap else evaluation.trials[:1]
    failures = [(trial.name, each) for trial in held for each in find_failures(trial.figures, limits)]
    for name, failure in failures:
        say(f"error: {name}: {failure}" if options.wrap else f"error: {failure}")
    if failures:
        raise click.exceptions.Exit(FAILED)
