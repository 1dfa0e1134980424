"""Commands for whoever runs the whole system: they join Celery's own, as ``celery -A ticketflow.tasks …``.

Celery imports this module whenever it starts, workers included, so everything else is imported by
the command that needs it. They work on the database itself, for every tenant.
"""

from functools import partial
from typing import Any

import click

from ticketflow.cli.errors import WRONG_USAGE, Failure
from ticketflow.cli.group import end_process, explained, import_command


class OperatorCommand(click.Command):
    """One of our commands, before it is imported; its errors are one line and an exit code."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        """Stand in for the click command that ``module:attribute`` names."""
        super().__init__(name, help=summary, add_help_option=False)
        self._target = target

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave all arguments to the command itself."""
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> Any:
        """Import the command, run it, and end the process."""
        end_process(partial(self._run, ctx))

    def _run(self, ctx: click.Context) -> Any:
        from ticketflow.cli.database import quiet_logging
        from ticketflow.errors import NotFoundError
        from ticketflow.settings import load_settings

        with explained():
            quiet_logging(load_settings())
            command = import_command(self._target)
            try:
                return command.main(ctx.args, ctx.info_name, standalone_mode=False, parent=ctx.parent)
            except NotFoundError as error:
                raise Failure(str(error), WRONG_USAGE) from error


tickets = OperatorCommand(
    "tickets", "ticketflow.cli.operator.tickets:tickets", "Retry, cancel and rewind tickets; hold steps back."
)
dead = OperatorCommand("dead", "ticketflow.cli.operator.dead:dead", "List, replay and purge failed tickets.")
queues = OperatorCommand("queues", "ticketflow.cli.operator.queues:queues", "Show what waits where, step by step.")
log_level = OperatorCommand(
    "log-level", "ticketflow.cli.operator.log_level:log_level", "Log more, or less, for a while, everywhere."
)
dispatch = OperatorCommand("dispatch", "ticketflow.cli.operator.dispatch:dispatch", "Publish due tickets, once.")
