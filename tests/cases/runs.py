"""Run a case: a ticket, articles, a file or a line of text, in this process, with the engine that ships."""

import base64
import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from tests.cases.checks import Outcome
from ticketflow.adapters.tools import build_tools
from ticketflow.api.ticket_schemas import NewTicketSchema
from ticketflow.cli.article_files import ArticleSource, read_articles, read_sample_articles
from ticketflow.cli.dry_run import describe, index_articles
from ticketflow.cli.ticket_files import read_tickets
from ticketflow.engines.embedded.language import guess_language
from ticketflow.errors import TicketFlowError
from ticketflow.services.submit_ticket import submit_ticket, take_in
from ticketflow.settings import load_settings
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, build_request, build_ticket
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import DEFAULT_TENANT, Entity, own_text
from ticketflow.workflow.transitions import Status

_BASE64 = re.compile(r"\{\{base64:(\d+)\}\}")


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Read the cases of a file; none when it is not there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def run_case(case: Mapping[str, Any], folder: Path, sessions: Sessions | None = None) -> Outcome:
    """Run what a case gives.

    Args:
        case: Its line.
        folder: Where its file may be written.
        sessions: Needed for tickets that others came before.
    """
    given = case["input"]
    if "text" in given:
        return _run_text(given)
    if "submit_file" in given:
        return _run_file(given["submit_file"], folder)
    if "ticket" in given and not {"articles", "article_file"} & given.keys():
        return _run_ticket(
            _fill(given["ticket"]), given.get("received_at"), _sample_tools(), sessions, given.get("before")
        )
    return _run_articles(given, folder)


@cache
def _sample_tools() -> Tools:
    return _build_tools(read_sample_articles())


def _build_tools(source: ArticleSource) -> Tools:
    settings = load_settings()
    return build_tools(settings, index_articles(settings, source))


def _fill(content: Any) -> Any:
    """Put base64 where a case only says how much of it there is."""
    made = random.Random(7)
    filled = _BASE64.sub(
        lambda found: base64.b64encode(made.randbytes(int(found[1]))).decode()[: int(found[1])],
        json.dumps(content),
    )
    return json.loads(filled)


def _run_ticket(
    content: dict[str, Any],
    received_at: str | None,
    tools: Tools,
    sessions: Sessions | None = None,
    before: list[dict[str, Any]] | None = None,
) -> Outcome:
    try:
        if before:
            assert sessions is not None
            *_, (row, state) = [_run_stored(each, tools, sessions) for each in [*before, content]]
        else:
            content = {"received_at": received_at, **content}
            row = build_ticket(DEFAULT_TENANT, take_in(_load(content)), ticket_plan().order[0])
            row.created_at = datetime.now(UTC)
            state = build_graph().invoke(build_request(row), context=tools)
    except ValidationError as error:
        return Outcome(refusal=json.dumps(error.messages, ensure_ascii=False))
    return Outcome(shown=describe(row, state), own_text=own_text(build_request(row)), tickets=1)


def _load(content: Mapping[str, Any]) -> NewTicket:
    """Check a ticket as the API does."""
    loaded: NewTicket = NewTicketSchema().load({"timezone": "UTC", **content})
    return loaded


def _run_stored(content: Mapping[str, Any], tools: Tools, sessions: Sessions) -> tuple[Ticket, dict[str, Any]]:
    """Send a ticket and take it to its end, as workers would."""
    submission = submit_ticket(sessions, DEFAULT_TENANT, _load(content), ticket_plan().order[0])
    with sessions.begin() as session:
        row = session.get_one(Ticket, submission.ticket_id)
        state = build_graph().invoke(build_request(row) | row.state, context=tools)
        row.state, row.status, row.wake_at = state, Status.COMPLETED, None
        session.flush()
        session.refresh(row)
        session.expunge(row)
    return row, state


def _run_text(given: Mapping[str, Any]) -> Outcome:
    """Find the facts of a line as of a ticket that says nothing else."""
    new = take_in(NewTicket(subject="", body=given["text"], timezone=given["timezone"]))
    row = build_ticket(DEFAULT_TENANT, new, ticket_plan().order[0])
    row.created_at = datetime.fromisoformat(given["received_at"])
    request = build_request(row)
    words = own_text(request)
    language = given.get("language") or guess_language(words)
    found: list[Entity] = [*new.masked, *_sample_tools().extractor.extract(request, language)]
    return Outcome(shown={"language": language, "entities": found, "body": row.body}, own_text=words)


def _run_file(given: Mapping[str, Any], folder: Path) -> Outcome:
    path = _write(given, folder)
    taken, problems = [], []
    try:
        for entry in read_tickets(str(path)):
            try:
                if entry.content is None:
                    problems.append(f"{entry.place}: {entry.problem}")
                    continue
                _load(entry.content)
                taken.append(entry.content)
            except ValidationError as error:
                problems.append(json.dumps(error.messages, ensure_ascii=False))
    except TicketFlowError as error:
        return Outcome(refusal=str(error))
    outcome = _run_ticket(taken[0], None, _sample_tools()) if taken else Outcome()
    outcome.tickets, outcome.refusal = len(taken), "; ".join(problems)
    return outcome


def _run_articles(given: Mapping[str, Any], folder: Path) -> Outcome:
    if "articles" in given:
        path = folder / "articles.jsonl"
        path.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in given["articles"]))
    else:
        path = _write(given["article_file"], folder / "articles")
    try:
        # A page stands in a folder, an export by itself.
        source = read_articles(path if path.suffix in {".json", ".jsonl", ".ndjson", ".csv"} else path.parent)
    except TicketFlowError as error:
        return Outcome(refusal=str(error))
    outcome = Outcome()
    if "ticket" in given:
        outcome = _run_ticket(_fill(given["ticket"]), given.get("received_at"), _build_tools(source))
    outcome.articles = [(each.title, each.body) for each in source.articles]
    outcome.refusal = "; ".join(source.problems)
    return outcome


def _write(given: Mapping[str, Any], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / given["name"]
    path.write_bytes(given["text"].encode(given.get("encoding", "utf-8")))
    return path
