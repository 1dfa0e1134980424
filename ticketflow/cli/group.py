"""A click group that imports commands on use and turns every error into one line and an exit code."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import click

from ticketflow.cli.errors import INTERRUPTED, explain

_OWN_OF_CLICK = (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command before it is imported.

    Attributes:
        target: ``module:attribute`` of the click command.
        summary: Its line in the list of commands.
    """

    target: str
    summary: str


class CommandLine(click.Group):
    """The top of the command line."""

    def __init__(self, *args: Any, commands: Mapping[str, LazyCommand], **attrs: Any) -> None:
        """Know the commands by name; import none of them."""
        super().__init__(*args, **attrs)
        self._lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the commands in the order of a newcomer's first hour."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        return import_command(self._lazy[cmd_name].target) if cmd_name in self._lazy else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that is not click's own comes out as one that is."""
        with explained(is_debug=ctx.params["debug"]):
            return super().invoke(ctx)

    def main(  # type: ignore[override]  # click overloads on standalone_mode; this always ends the process
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line and end the process with the exit code of what happened."""
        end_process(partial(super().main, args, prog_name, standalone_mode=False, **extra))


@contextmanager
def explained(*, is_debug: bool = False) -> Iterator[None]:
    """Turn an error that is not click's own into one that is, showing where it came from on request."""
    try:
        yield
    except _OWN_OF_CLICK:
        raise
    except Exception as error:
        if is_debug or _is_debug_logged():
            traceback.print_exc()
        raise explain(error) from error


def end_process(run: Callable[[], Any]) -> NoReturn:
    """Run a command and end the process with the exit code of what happened, explained in one line."""
    try:
        code = run()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message = f"{message.rstrip('.')}; see `{error.ctx.command_path} --help`"
        click.echo(f"error: {message}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def import_command(target: str) -> click.Command:
    """Import the click command that ``module:attribute`` names."""
    module, _, attribute = target.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command


def _is_debug_logged() -> bool:
    from ticketflow.errors import ConfigurationError
    from ticketflow.settings import load_settings

    try:
        return load_settings().log_level == "debug"
    except ConfigurationError:
        return False
