"""Where things are printed: results to standard output, messages and progress to standard error."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Thing = TypeVar("Thing")

# Control characters and the bidirectional overrides: a ticket must not drive the reader's terminal.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def results() -> Console:
    """Return the console for what was asked for."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


def messages() -> Console:
    """Return the console for everything else."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)


def say(message: str) -> None:
    """Tell the user something that is not a result."""
    messages().print(printable(message), soft_wrap=True)


def print_json(shown: Any) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Print one line of a result, however long."""
    results().print(printable(text), soft_wrap=True)


def printable(text: str) -> str:
    """Drop what a terminal would obey instead of show."""
    return _UNPRINTABLE.sub("", text)


class Bar:
    """A progress bar with one task; silent where nobody looks."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Start at zero of ``total``."""
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def start(self, doing: str) -> None:
        """Name what is being done and begin at zero again."""
        self._progress.reset(self._task, description=doing)

    def advance(self, by: int = 1) -> None:
        """Count some more."""
        self._progress.advance(self._task, by)

    def count(self, things: Iterable[Thing]) -> Iterator[Thing]:
        """Hand things on, counting each once it is done with."""
        for thing in things:
            yield thing
            self.advance()


@contextmanager
def progress_bar(total: int, *, is_wanted: bool = True) -> Iterator[Bar]:
    """Show progress on standard error if that is a terminal."""
    console = messages()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    is_shown = is_wanted and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        yield Bar(progress, total)
