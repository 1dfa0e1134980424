"""``ticketflow try``: tickets through all steps in this process; no ticket is stored."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ticketflow.cli.database import quiet_logging
from ticketflow.cli.entries import Entry
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, progress_bar, results, say
from ticketflow.cli.ticket_files import takes_tickets
from ticketflow.cli.ticket_view import render_ticket
from ticketflow.errors import ConfigurationError, InvalidInputError, TicketFlowError
from ticketflow.settings import Settings, is_timezone, load_settings
from ticketflow.workflow.state import PRIORITIES

if TYPE_CHECKING:
    from ticketflow.cli.article_files import ArticleSource
    from ticketflow.engines.embedded.classify.classifier import ModelSource
    from ticketflow.storage.models import Ticket
    from ticketflow.workflow.ports import KnowledgeBase, Tools


@click.command("try")
@takes_tickets
@click.option(
    "--articles",
    "articles_path",
    type=click.Path(exists=True, path_type=Path),
    help="Folder or JSON lines to answer from. Unset: the stored articles, or without a database the sample ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
def dry_run(entries: list[Entry], articles_path: Path | None, as_json: bool) -> None:
    """Run tickets through all steps here and show what would come of them; no ticket is stored.

    Takes what `ticketflow submit` takes. Exit code 1 if a step failed on a ticket.
    """
    settings = load_settings()
    quiet_logging(settings)
    tools = open_tools(settings, articles_path)
    outcomes = run_all(entries, tools)
    for entry, outcome in zip(entries, outcomes, strict=True):
        if isinstance(outcome, str):
            say(f"error: {entry.place}: {outcome}")
        elif as_json:
            print_json(outcome)
        else:
            results().print(render_ticket(outcome))
    if any(isinstance(outcome, str) for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)


def open_tools(settings: Settings, articles_path: Path | None) -> "Tools":
    """Make the engines settings name, over the articles to answer from."""
    from ticketflow.adapters.tools import build_tools
    from ticketflow.cli.article_files import read_articles, read_sample_articles

    if articles_path is not None:
        return build_tools(settings, index_articles(settings, read_articles(articles_path)))
    if (stored := find_stored(settings)) is not None:
        knowledge, models = stored
        return build_tools(settings, knowledge, models=models)
    say("no database: answering from the sample articles")
    return build_tools(settings, index_articles(settings, read_sample_articles()))


def find_stored(settings: Settings) -> "tuple[KnowledgeBase, ModelSource] | None":
    """Open the stored articles and classifier; ``None`` when no database with our tables answers."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from ticketflow.adapters.tools import build_knowledge, build_models
    from ticketflow.cli.database import open_sessions

    sessions = click.get_current_context().with_resource(open_sessions())  # until the command ends
    knowledge = build_knowledge(settings, sessions)
    try:
        knowledge.refresh()
    except (OperationalError, ProgrammingError):
        return None
    return knowledge, build_models(settings, sessions)


def index_articles(settings: Settings, source: "ArticleSource") -> "KnowledgeBase":
    """Build a knowledge base in memory."""
    from ticketflow.engines.embedded import shared_encoder
    from ticketflow.engines.embedded.search.knowledge import build_knowledge

    with progress_bar(len(source.articles)) as bar:
        bar.start("reading articles")
        rows = ((str(each.external_id), each.title, each.body) for each in bar.count(source.articles))
        knowledge = build_knowledge(shared_encoder(settings.encoder_model), rows)
    for problem in source.problems:
        say(f"error: {problem}")
    return knowledge


def run_all(entries: Sequence[Entry], tools: "Tools") -> list[dict[str, Any] | str]:
    """Run each ticket; a string says why it did not come through."""
    with progress_bar(len(entries), is_wanted=len(entries) > 1) as bar:
        bar.start("trying")
        return [
            entry.problem or "" if entry.content is None else run_one(entry.content, tools)
            for entry in bar.count(entries)
        ]


def run_one(ticket: dict[str, Any], tools: "Tools") -> dict[str, Any] | str:
    """Run one ticket through the graph and show it as the API would."""
    from ticketflow.storage.tickets import build_request
    from ticketflow.workflow.graph import build_graph

    try:
        row = build_row(ticket)
        state: dict[str, Any] = build_graph().invoke(build_request(row), context=tools)
    except ConfigurationError:
        raise
    except TicketFlowError as error:
        return str(error)
    return describe(row, state)


def build_row(ticket: dict[str, Any]) -> "Ticket":
    """Make the row a ticket as callers write it would have, card and account numbers starred; it is never stored.

    Raises:
        InvalidInputError: A field is not what the API takes; the message names it.
    """
    from ticketflow.services.submit_ticket import take_in
    from ticketflow.storage.tickets import NewTicket, build_ticket
    from ticketflow.workflow.graph import LINEAGE
    from ticketflow.workflow.state import DEFAULT_TENANT

    refuse_wrong_fields(ticket)
    customer = ticket.get("customer") or {}
    try:
        received_at = (
            datetime.fromisoformat(ticket["received_at"]).astimezone(UTC) if ticket.get("received_at") else None
        )
    except (TypeError, ValueError):
        raise InvalidInputError("received_at: must be an instant such as 2026-01-31T09:30:00Z") from None
    new = NewTicket(
        subject=ticket.get("subject", ""),
        body=ticket.get("body", ""),
        customer_email=customer.get("email"),
        customer_name=customer.get("name"),
        channel=ticket.get("channel"),
        priority=ticket.get("priority"),
        external_id=ticket.get("external_id"),
        metadata=ticket.get("metadata"),
        timezone=ticket.get("timezone") or load_settings().timezone,
        received_at=received_at,
    )
    row = build_ticket(DEFAULT_TENANT, take_in(new), LINEAGE.steps[0])
    row.created_at = datetime.now(UTC)
    return row


def refuse_wrong_fields(ticket: dict[str, Any]) -> None:
    """Check the fields that steps read.

    Raises:
        InvalidInputError: One is not what the API takes; the message names it.
    """
    for name in ("subject", "body"):
        if not isinstance(ticket.get(name, ""), str):
            raise InvalidInputError(f"{name}: must be text")
    if not (ticket.get("subject", "") + ticket.get("body", "")).strip():
        raise InvalidInputError("body: must be text where there is no subject")
    if not isinstance(ticket.get("customer") or {}, dict):
        raise InvalidInputError("customer: must be an object with email and name")
    if ticket.get("priority") not in (None, *PRIORITIES):
        raise InvalidInputError(f"priority: must be one of {', '.join(PRIORITIES)}")
    if ticket.get("timezone") is not None and not is_timezone(ticket["timezone"]):
        raise InvalidInputError("timezone: must be an IANA name such as Europe/Berlin")


def describe(row: "Ticket", state: dict[str, Any]) -> dict[str, Any]:
    """Show the outcome in the shape of a stored ticket."""
    from ticketflow.services.views import describe_ticket
    from ticketflow.workflow.transitions import Status

    row.state, row.status, row.version, row.next_step = state, Status.COMPLETED, 1, None
    row.updated_at = row.finished_at = datetime.now(UTC)
    return describe_ticket(row)
