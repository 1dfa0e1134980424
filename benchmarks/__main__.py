"""``make bench``: what Ticket Flow costs, beside chains of Celery tasks that do the same.

``python -m benchmarks a`` runs one scenario; contenders take turns, on servers of their own. On a machine that does
other things, too, the processor's milliseconds (best as a ratio to the stock chain's, for they grow with the load),
statements, commits and log are what counts. Two minutes, in any worktree, and beside another one::

    .venv/bin/python -m benchmarks a --size 100 --rounds 1 --only ours --only stock
    .venv/bin/python -m benchmarks a --size 100 --rounds 2 --only stock --other ../main

What comes of it is printed as a table, with each statement PostgreSQL was sent, and kept in ``build/bench/a.json``.
"""

import signal
import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from benchmarks.calls import measure_latency, measure_submitting
from benchmarks.contenders import ALL, UNSEEN, Fleet
from benchmarks.crowd import measure_crowd, measure_drain, measure_soak
from benchmarks.results import BUILT, Result, format_table, keep, say
from benchmarks.saturation import measure_saturation, profile_worker
from benchmarks.thinking import measure_engine, measure_waiting

FLEET = (
    click.option("--queue", type=click.Choice(["quorum", "classic"]), default="quorum", show_default=True),
    click.option("--workers", default=2, show_default=True),
    click.option("--slots", default=8, show_default=True, help="Threads of each worker."),
    click.option("--pool", type=click.Choice(["threads", "prefork"]), default="threads", show_default=True),
)
folder = click.Path(exists=True, file_okay=False, path_type=Path)


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which workers there are."""
    return reduce(lambda made, option: option(made), reversed(FLEET), command)


def amounts(size: int, rounds: int, what: str = "Tickets a turn.") -> Callable[..., Any]:
    """Add the options that say how much is measured."""
    return lambda command: click.option("--size", default=size, show_default=True, help=what)(
        click.option("--rounds", default=rounds, show_default=True, help="Turns of each contender.")(command)
    )


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measure one scenario, on PostgreSQL and RabbitMQ servers of its own; without one, some of the quick ones."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # let servers and workers end with it
    if context.invoked_subcommand is None:
        show(measure_saturation(Fleet(), 300, 3))
        show(measure_saturation(Fleet(queue="classic"), 300, 2, only=("ours", "stock")))
        show(measure_latency(Fleet(), 100, 2))
        show(measure_submitting(2000, 2))
        show(measure_drain(Fleet(), 1000))


@main.command()
@amounts(300, 3)
@fleet_options
@click.option("--other", "others", type=folder, multiple=True, help="Another checkout that takes turns with this one.")
@click.option("--only", multiple=True, help=f"Contenders: {', '.join(ALL)} (the default), {UNSEEN}.")
def a(size: int, rounds: int, others: tuple[Path, ...], only: tuple[str, ...], **fleet: Any) -> None:
    """Saturation: as much as goes through with steps that do nothing."""
    show(measure_saturation(Fleet(**fleet), size, rounds, others, only))


@main.command()
@click.option("--size", default=1000, show_default=True, help="Tickets.")
@click.option("--output", default=BUILT / "worker.svg", type=click.Path(path_type=Path), show_default=True)
@fleet_options
def profile(size: int, output: Path, **fleet: Any) -> None:
    """Profile a worker at saturation with py-spy, which must be installed: a flame graph of who holds the GIL."""
    profile_worker(Fleet(**fleet), size, output)
    say(str(output))


@main.command()
@amounts(200, 3)
@fleet_options
def b(size: int, rounds: int, **fleet: Any) -> None:
    """Latency: POST to completed over HTTP, one ticket after the other."""
    show(measure_latency(Fleet(**fleet), size, rounds))


@main.command()
@amounts(3000, 3, "Posts a turn.")
def c(size: int, rounds: int) -> None:
    """Intake: POST alone, beside a bare Flask and psycopg insert on the same server."""
    show(measure_submitting(size, rounds))


@main.command()
@amounts(200, 2)
@fleet_options
@click.option("--data", type=folder, help="Folder with bitext/, abcd/ and stackfaq/; else the sample shop's texts.")
def d(size: int, rounds: int, data: Path | None, **fleet: Any) -> None:
    """Thinking: the embedded engine, tickets of ten words and of eighty."""
    show(measure_engine(Fleet(**fleet), size, rounds, data))


@main.command()
@amounts(400, 2, "Steps that wait at one time.")
@click.option("--seconds", default=1.0, show_default=True, help="How long each step waits.")
def e(size: int, rounds: int, seconds: float) -> None:
    """Model calls: steps that wait as if for a model, against what waiting alone would take."""
    show(measure_waiting(seconds, size, rounds))


@main.command()
@amounts(300, 2)
@fleet_options
@click.option("--finished", default=500_000, show_default=True, help="Rows of tickets that have ended.")
@click.option("--waiting", default=100_000, show_default=True, help="Rows of tickets that wait.")
def f(size: int, rounds: int, finished: int, waiting: int, **fleet: Any) -> None:
    """Crowd: a ticket among many others, beside one in an empty database."""
    show(measure_crowd(Fleet(**fleet), size, rounds, finished, waiting))


@main.command()
@click.option("--size", default=5.0, show_default=True, help="Minutes.")
@click.option("--per-s", default=5.0, show_default=True, help="Tickets a second.")
@fleet_options
def g(size: float, per_s: float, **fleet: Any) -> None:
    """Soak: memory and connections over time, with the engine."""
    show(measure_soak(Fleet(**fleet), size, per_s))


@main.command()
@click.option("--size", default=10_000, show_default=True, help="Tickets taken in while the broker is away.")
@fleet_options
def h(size: int, **fleet: Any) -> None:
    """Drain: a backlog after the broker has come back."""
    show(measure_drain(Fleet(**fleet), size))


@main.command("keep")
@click.argument("label")
@click.argument("results", nargs=-1, type=click.Path(exists=True, path_type=Path))
def keep_results(label: str, results: tuple[Path, ...]) -> None:
    """Put RESULTS (build/bench/*.json) into docs/performance.md under a label, such as the change that was measured."""
    keep(label, results)


def show(result: Result) -> None:
    """Print and store a result."""
    say("")
    for line in format_table(result):
        say(line)
    say(f"\n{result.save()}")


if __name__ == "__main__":
    main()
