"""``celery -A ticketflow.tasks log-level``: log more, or less, for a while, without a restart."""

from datetime import timedelta

import click

from ticketflow.cli.database import open_sessions
from ticketflow.cli.terminal import print_line
from ticketflow.observability.logging import PRIVATE, ROOT
from ticketflow.storage.log_levels import list_log_levels, record_log_level, remove_log_levels
from ticketflow.tasks.log_levels import LOOK_EVERY_S

LEVELS = ("debug", "info", "warning", "error", "reset")


@click.command("log-level")
@click.argument("level", type=click.Choice(LEVELS), required=False)
@click.option("--logger", default=ROOT, help="Only this logger and those below it, such as sqlalchemy.engine.")
@click.option("--minutes", type=click.IntRange(1, 24 * 60), default=60, show_default=True, help="How long.")
def log_level(level: str | None, logger: str, minutes: int) -> None:
    """Change what every API process and worker logs, for a while; without LEVEL, show what was changed.

    `reset` lets TICKETFLOW_LOG_LEVEL hold again at once. At `debug` lines may hold customers' words.
    """
    if logger.partition(".")[0] in PRIVATE:
        raise click.UsageError(f"{logger} would log whole prompts and keys; its level stays at warning")
    with open_sessions() as sessions:
        if level is None:
            with sessions() as session:
                levels = list_log_levels(session)
            print_line(
                ", ".join(f"{name or 'all'}: {wanted}" for name, wanted in levels.items()) or "as the settings say"
            )
            return
        with sessions.begin() as session:
            if level == "reset":
                remove_log_levels(session)
            else:
                record_log_level(session, logger, level, timedelta(minutes=minutes))
    print_line(f"every process follows within {LOOK_EVERY_S:.0f} seconds")
