"""``ticketflow try``: tickets through all steps in this process; no ticket is stored."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import click

from ticketflow.cli.database import quiet_logging
from ticketflow.cli.entries import Entry
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, progress_bar, results, say
from ticketflow.cli.ticket_files import takes_tickets
from ticketflow.cli.ticket_view import render_ticket
from ticketflow.errors import ConfigurationError, InvalidInputError, TicketFlowError
from ticketflow.settings import Settings, load_settings

if TYPE_CHECKING:
    from ticketflow.cli.article_files import ArticleSource
    from ticketflow.workflow.ports import KnowledgeBase, Tools
    from ticketflow.workflow.state import Request


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
    from ticketflow.cli.article_files import read_articles, read_sample_articles
    from ticketflow.services.tools import build_tools

    if articles_path is not None:
        knowledge = index_articles(settings, read_articles(articles_path))
    elif (stored := find_stored_knowledge(settings)) is not None:
        knowledge = stored
    else:
        say("no database: answering from the sample articles")
        knowledge = index_articles(settings, read_sample_articles())
    return build_tools(settings, knowledge)


def find_stored_knowledge(settings: Settings) -> "KnowledgeBase | None":
    """Open the stored articles; ``None`` when no database with our tables answers."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from ticketflow.cli.database import open_sessions
    from ticketflow.services.tools import build_knowledge

    sessions = click.get_current_context().with_resource(open_sessions())  # until the command ends
    knowledge = build_knowledge(settings, sessions)
    try:
        knowledge.refresh()
    except (OperationalError, ProgrammingError):
        return None
    return knowledge


def index_articles(settings: Settings, source: "ArticleSource") -> "KnowledgeBase":
    """Build a knowledge base in memory."""
    from ticketflow.engines.embedded import knowledge as embedded
    from ticketflow.engines.embedded import shared_encoder

    encoder = shared_encoder(settings.encoder_model)
    index = embedded.PassageIndex()
    with progress_bar(len(source.articles)) as bar:
        bar.start("reading articles")
        for article in source.articles:
            passages = embedded.split_passages(article.title, article.body)
            vectors = embedded.embed_passages(encoder, article.title, passages)
            name = str(article.external_id)
            index.replace(embedded.IndexedArticle(name, 1, article.title, tuple(passages), vectors))
            bar.advance()
    for problem in source.problems:
        say(f"error: {problem}")
    return embedded.EmbeddedKnowledge(encoder, index)


def run_all(entries: Sequence[Entry], tools: "Tools") -> list[dict[str, Any] | str]:
    """Run each ticket; a string says why it did not come through."""
    outcomes: list[dict[str, Any] | str] = []
    with progress_bar(len(entries), is_wanted=len(entries) > 1) as bar:
        bar.start("trying")
        for entry in entries:
            outcomes.append(entry.problem or "" if entry.content is None else run_one(entry.content, tools))
            bar.advance()
    return outcomes


def run_one(ticket: dict[str, Any], tools: "Tools") -> dict[str, Any] | str:
    """Run one ticket through the graph and show it as the API would."""
    from ticketflow.workflow.graph import build_graph

    try:
        request = build_request(ticket)
        state: dict[str, Any] = build_graph().invoke(request, context=tools)
    except ConfigurationError:
        raise
    except TicketFlowError as error:
        return str(error)
    return describe(ticket, request, state)


def build_request(ticket: dict[str, Any]) -> "Request":
    """Make what the graph starts from of a ticket as callers write it.

    Raises:
        InvalidInputError: A field is not what the API takes; the message names it.
    """
    from ticketflow.storage.models import PRIORITIES

    for name in ("subject", "body"):
        if not isinstance(ticket.get(name), str) or not ticket[name].strip():
            raise InvalidInputError(f"{name}: must be text")
    customer, priority = ticket.get("customer") or {}, ticket.get("priority")
    if not isinstance(customer, dict):
        raise InvalidInputError("customer: must be an object with email and name")
    if priority is not None and priority not in PRIORITIES:
        raise InvalidInputError(f"priority: must be one of {', '.join(PRIORITIES)}")
    return {
        "ticket_id": str(uuid4()),
        "subject": ticket["subject"],
        "body": ticket["body"],
        "customer_name": customer.get("name"),
        "customer_email": customer.get("email"),
        "channel": ticket.get("channel"),
        "requested_priority": priority,
        "received_at": datetime.now(UTC).isoformat(),
        "timezone": "UTC",
        "masked": [],
    }


def describe(ticket: dict[str, Any], request: "Request", state: dict[str, Any]) -> dict[str, Any]:
    """Show the outcome in the shape of a stored ticket: a row that is never added to a session."""
    from ticketflow.services.views import describe_ticket
    from ticketflow.storage.models import PRIORITIES, Ticket
    from ticketflow.workflow.transitions import Status

    now = datetime.now(UTC)
    row = Ticket(
        id=UUID(request["ticket_id"]),
        external_id=ticket.get("external_id"),
        subject=request["subject"],
        body=request["body"],
        customer_email=request["customer_email"],
        customer_name=request["customer_name"],
        channel=request["channel"],
        ticket_metadata=ticket.get("metadata") or {},
        priority=PRIORITIES.index(request["requested_priority"] or "normal"),
        status=Status.COMPLETED,
        version=1,
        state=state,
        created_at=datetime.fromisoformat(request["received_at"]),
        updated_at=now,
        finished_at=now,
    )
    return describe_ticket(row)
