"""``celery -A ticketflow.tasks dispatch``: one pass of the dispatcher, by hand."""

import click

from ticketflow.cli.database import open_sessions
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_line, say
from ticketflow.services.dispatch_due import dispatch_due
from ticketflow.settings import load_settings
from ticketflow.tasks import app
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.tasks.runtime import Runtime
from ticketflow.workflow.graph import LINEAGE


@click.command()
def dispatch() -> None:
    """Publish due tickets once, as many as there is room for at the workers.

    For when no dispatcher runs. Exit code 1 if the broker did not take all of them; the others
    are due again shortly.
    """
    settings = load_settings()
    publisher = ChainPublisher(app, LINEAGE, settings.publish_timeout_s)
    try:
        with open_sessions() as sessions:
            report = dispatch_due(sessions, publisher, Runtime(settings).limits)
    finally:
        publisher.close()
    print_line(f"{report.published} published, {report.unsent} unsent")
    if report.is_full or report.is_batch_full:
        say("more may be due: as many are out as the workers should have, or as one pass publishes")
    if report.unsent:
        raise click.exceptions.Exit(FAILED)
