"""``make bench``: what Ticket Flow costs, beside chains of Celery tasks that do the same.

``python -m benchmarks a`` runs one scenario; contenders take turns, on servers of their own. On a machine that does
other things, too, the processor's milliseconds (best as a ratio to the stock chain's, for they grow with the load),
statements, commits and log are what counts. Two minutes, in any worktree, and beside another one::

    .venv/bin/python -m benchmarks a --size 100 --rounds 1 --only ours --only stock
    .venv/bin/python -m benchmarks a --size 100 --rounds 2 --only stock --other ../main

What comes of it is printed as a table, with each statement PostgreSQL was sent, and kept in ``build/bench/a.json``.
"""

from pathlib import Path

import click

from benchmarks.contenders import Fleet
from benchmarks.results import Result, format_table, say
from benchmarks.saturation import measure_saturation


@click.group()
def main() -> None:
    """Measure one scenario, on PostgreSQL and RabbitMQ servers of its own."""


@main.command()
@click.option("--size", default=300, show_default=True, help="Tickets a turn.")
@click.option("--rounds", default=3, show_default=True, help="Turns of each contender.")
@click.option("--queue", type=click.Choice(["quorum", "classic"]), default="quorum", show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--slots", default=8, show_default=True, help="Threads of each worker.")
@click.option("--pool", type=click.Choice(["threads", "prefork"]), default="threads", show_default=True)
@click.option(
    "--other",
    "others",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Another checkout that takes turns with this one; it has its own .venv.",
)
@click.option("--only", multiple=True, help="Contenders that take part: stock, orm, statement, ours; all unless named.")
def a(size: int, rounds: int, others: tuple[Path, ...], only: tuple[str, ...], **fleet: object) -> None:
    """Saturation: as much as goes through with steps that do nothing."""
    show(measure_saturation(Fleet(**fleet), size, rounds, others, only))


def show(result: Result) -> None:
    """Print and keep a result."""
    say("")
    for line in format_table(result):
        say(line)
    say(f"\n{result.save()}")


if __name__ == "__main__":
    main()
