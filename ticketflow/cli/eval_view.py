"""Shows an evaluation in the terminal."""

from ticketflow.cli.terminal import print_line, results, say
from ticketflow.cli.ticket_view import build_table
from ticketflow.evaluation.comparison import Difference
from ticketflow.evaluation.evaluation import Evaluation
from ticketflow.evaluation.sections import find_meaning
from ticketflow.evaluation.trial import Figure

MOST_CHANGES = 20


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
    row += [_range(name, figures[0])] if evaluation.draws > 1 else []
    return row + (_difference(name, evaluation.differences.get(name)) if evaluation.differences else [])


def _range(name: str, figure: Figure | None) -> str:
    if figure is None or figure.low == figure.high:
        return ""
    return f"{format_figure(name, figure.low)} to {format_figure(name, figure.high)}"


def _difference(name: str, difference: Difference | None) -> list[str]:
    if difference is None:
        return ["", "", ""]
    interval = difference.interval
    ends = (
        ""
        if interval is None
        else f"{format_figure(name, interval.low, '+')} to {format_figure(name, interval.high, '+')}"
    )
    return [format_figure(name, difference.value, "+"), ends, difference.hint]


def format_figure(name: str, value: float, sign: str = "") -> str:
    """Write a figure with its unit, shares with four decimals."""
    meaning = find_meaning(name)
    unit = meaning.unit if meaning else ""
    return f"{value:{sign}.2f} {unit}" if unit else f"{value:{sign}.4f}"
