"""``celery -A ticketflow.tasks tickets``: send tickets on again, stop them, hold steps back."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.database import open_sessions
from ticketflow.cli.each_ticket import do_to_each
from ticketflow.cli.errors import WRONG_USAGE
from ticketflow.cli.pauses import describe_steps
from ticketflow.cli.terminal import print_line
from ticketflow.errors import NotFoundError
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.pauses import pause_step, resume_step
from ticketflow.services.retry_ticket import retry_ticket
from ticketflow.services.rewind_ticket import rewind_ticket
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT
from ticketflow.storage.session import Sessions
from ticketflow.storage.statistics import list_left_behind
from ticketflow.workflow.graph import LINEAGE

_ids = click.argument("ticket_ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
_step = click.argument("step", metavar="[STEP]", type=click.Choice([EVERY_STEP, *LINEAGE.steps]), default=EVERY_STEP)
_tenant = click.option("--tenant", default=EVERY_TENANT, help="Hold back this tenant's tickets only.")


@click.group()
def tickets() -> None:
    """Retry, cancel and rewind tickets of every tenant; hold steps back."""


@tickets.command()
@_ids
def retry(ticket_ids: Sequence[UUID]) -> None:
    """Try the failed step of tickets again, now; finished steps are kept."""
    with open_sessions() as sessions:
        _do_to_each(sessions, ticket_ids, retry_ticket)


@tickets.command()
@_ids
@click.option("--reason", help="Say why; the tickets' trails keep it.")
def cancel(ticket_ids: Sequence[UUID], reason: str | None) -> None:
    """Cancel tickets for good; a step under way changes nothing any more."""
    with open_sessions() as sessions:
        _do_to_each(sessions, ticket_ids, cancel_ticket, reason=reason)


@tickets.command()
@click.argument("ticket_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.argument("step", metavar="STEP", type=click.Choice(LINEAGE.steps))
@click.option(
    "--left-behind", is_flag=True, help="All tickets at a step this version does not know; STEP is the first."
)
def rewind(ticket_ids: Sequence[UUID], step: str, left_behind: bool) -> None:
    """Run a finished STEP again, and all after it."""
    if left_behind == bool(ticket_ids):
        raise click.UsageError("say which: the ids of tickets, or --left-behind", click.get_current_context())
    with open_sessions() as sessions:
        if left_behind:
            with sessions() as session:
                ticket_ids = list_left_behind(session, LINEAGE)
        _do_to_each(sessions, ticket_ids, rewind_ticket, step=step)


def _do_to_each(
    sessions: Sessions, ticket_ids: Sequence[UUID], use_case: Callable[..., dict[str, Any]], **options: Any
) -> None:
    """Do to tickets, whosever they are, what the API does to those of one tenant."""
    do_to_each(ticket_ids, partial(use_case, sessions, None, **options), missing=WRONG_USAGE, threads=1)


@tickets.command()
@_step
@_tenant
@click.option("--reason", help="Say why; whoever lists pauses sees it.")
def pause(step: str, tenant: str, reason: str | None) -> None:
    """Start STEP no more, or without STEP none at all; what is under way finishes and tickets wait."""
    with open_sessions() as sessions:
        pause_step(sessions, step, tenant, reason)
    print_line(f"paused: {_describe(step, tenant)}")


@tickets.command()
@_step
@_tenant
def resume(step: str, tenant: str) -> None:
    """Lift a pause that was set with the same STEP and tenant; other pauses stay."""
    with open_sessions() as sessions:
        if not resume_step(sessions, step, tenant):
            raise NotFoundError(f"not paused: {_describe(step, tenant)}")
    print_line(f"resumed: {_describe(step, tenant)}")


def _describe(step: str, tenant: str) -> str:
    return f"{describe_steps(step)}, {'every tenant' if tenant == EVERY_TENANT else f'tenant {tenant}'}"
