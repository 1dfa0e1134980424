"""What ``ticketflow eval`` can be asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ticketflow.errors import InvalidInputError
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.transitions import Status

# What review says is measured by what comes of it.
STEPS = [step for step in LINEAGE.steps if step != "review"]
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_SHARE = click.FloatRange(0, 1, max_open=True)


@dataclass(frozen=True)
class Options:
    """The command line, option by option; the help of each says what it does."""

    data: Path | None
    steps: tuple[str, ...]
    examples: Path | None
    per_class: int | None
    names_only: bool
    taxonomy: Path | None
    out_of_scope: str | None
    articles: Path | None
    without_titles: bool
    leave_out: float
    draws: int
    wrap: bool
    aliases: tuple[str, ...]
    at_precision: float
    engine: str | None
    against: tuple[str, ...]
    limit: int | None
    seed: int
    json_file: Path | None
    report: Path | None
    fail_under: tuple[str, ...]
    from_tickets: bool
    since: datetime | None
    status: str

    @property
    def wants_stored_model(self) -> bool:
        """Whether the classifier that workers use, or another stored one, is measured."""
        return not (self.examples or self.names_only or self.taxonomy) or any(
            each.startswith("model=") for each in self.against
        )

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            InvalidInputError: Two do not; the message says what to give instead.
        """
        tickets = self.from_tickets
        refused: dict[str, object] = {
            "give either DATA or --from-tickets": tickets == (self.data is not None),
            "--per-class: goes with --examples, a file to draw them from": (
                self.per_class is not None and self.examples is None
            ),
            "--names-only: goes without --examples and --taxonomy": self.names_only
            and (self.examples or self.taxonomy),
            "--leave-out and --without-titles: go with --articles": (
                self.articles is None and (self.leave_out or self.without_titles)
            ),
            "--draws: only --per-class and --leave-out draw by chance; all draws would be alike": (
                self.draws > 1 and not (self.per_class or self.leave_out)
            ),
            "--wrap: shows every form beside the others; goes with DATA and --json alone": (
                self.wrap and (tickets or self.against or self.report is not None)
            ),
            "--from-tickets: compares with what is stored; change --engine, --taxonomy or --articles alone": (
                tickets and (self.examples or self.names_only or self.against or self.steps)
            ),
            "--since: goes with --from-tickets": not tickets and self.since is not None,
        }
        for message, is_so in refused.items():
            if is_so:
                raise InvalidInputError(message)


OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option("--steps", multiple=True, type=click.Choice(STEPS), help="Measure only this step; may be repeated."),
    click.option("--examples", type=_FILE, help="Labelled rows to learn from; their labels become the categories."),
    click.option("--per-class", type=click.IntRange(1), help="Draw so many examples of each label. Unset: all."),
    click.option("--names-only", is_flag=True, help="Make categories of the data's labels, without any example."),
    click.option("--taxonomy", type=_FILE, help="YAML file of categories. Unset: as the settings say."),
    click.option("--out-of-scope", metavar="LABEL", help="The label of rows that fit no category."),
    click.option("--articles", type=click.Path(exists=True, path_type=Path), help="Folder or JSON lines to search."),
    click.option("--without-titles", is_flag=True, help="Search the articles' texts alone."),
    click.option("--leave-out", type=_SHARE, default=0.0, metavar="SHARE", help="Leave out such a share of articles."),
    click.option("--draws", type=click.IntRange(1), default=1, show_default=True, help="How often to draw by chance."),
    click.option("--wrap", is_flag=True, help="Also put each row into greetings, stories, signatures, quoted mail, …"),
    click.option("--map", "aliases", multiple=True, metavar="THEIRS=OURS", help="Name of an entity type in the data."),
    click.option("--at-precision", type=_SHARE, default=0.95, show_default=True, help="Where to report coverage."),
    click.option("--engine", type=click.Choice(["embedded", "llm"]), help="Unset: as the settings say."),
    click.option(
        "--against",
        multiple=True,
        metavar="KEY=VALUE",
        help="Hold it against engine=, llm=, taxonomy=, model= or report=.",
    ),
    click.option("--limit", type=click.IntRange(1), help="Take so many rows, drawn by chance; of tickets the newest."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of all that is drawn by chance."),
    click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here."),
    click.option("--report", type=_FOLDER, help="Write a page, pictures and all predictions here."),
    click.option("--fail-under", multiple=True, metavar="NAME=NUMBER", help="Exit with 1 if a figure is worse."),
    click.option("--from-tickets", is_flag=True, help="Replay stored tickets and compare with what came of them."),
    click.option("--since", type=click.DateTime(), help="Replay tickets that came since (UTC)."),
    click.option(
        "--status",
        type=click.Choice([str(status) for status in Status]),
        default=str(Status.COMPLETED),
        show_default=True,
        help="Replay tickets in this status.",
    ),
)


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all the options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def describe_command(context: click.Context) -> str:
    """Write the command line again, without what was not given."""
    import shlex

    words = context.command_path.split()
    for parameter in context.command.params:
        value = context.params[str(parameter.name)]
        if value in (None, False, (), parameter.get_default(context)):
            continue
        for each in value if isinstance(value, tuple) else [value]:
            words += [*parameter.opts[-1:]] if isinstance(parameter, click.Option) else []
            words += [] if each is True else [str(each)]
    return shlex.join(words)
