"""What ``ticketflow up`` shows a newcomer: sample articles, sample tickets, how they were answered."""

import os
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ticketflow.cli.article_files import read_sample_articles
from ticketflow.cli.client import KEY_FILE, READ_TIMEOUT_S, ApiClient, local_url
from ticketflow.cli.processes import say
from ticketflow.cli.ticket_files import build_keys, read_sample_tickets
from ticketflow.services.articles import import_articles
from ticketflow.services.keys import create_key, find_caller
from ticketflow.settings import Settings
from ticketflow.storage.articles import latest_revision
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT
from ticketflow.workflow.transitions import RUNNABLE

API_START_TIMEOUT_S = 60.0
SAMPLE_TIMEOUT_S = 60.0
LOOK_EVERY_S = 1.0
_PREVIEW_CHARACTERS = 300


def load_sample_articles(sessions: Sessions) -> bool:
    """Import the sample knowledge base into an empty one; tell whether this was the first start."""
    with sessions() as session:
        if latest_revision(session, DEFAULT_TENANT) > 0:
            return False
    count = sum(1 for _ in import_articles(sessions, DEFAULT_TENANT, read_sample_articles().articles))
    say(f"loaded {count} sample articles of an invented shop")
    return True


def make_cli_key(sessions: Sessions, data_dir: Path) -> str:
    """Return the command line's own key, making a new one unless the kept one still works."""
    path = data_dir / KEY_FILE
    if path.exists():
        kept = path.read_text().strip()
        if find_caller(sessions, kept) is not None:
            return kept
    key = create_key(sessions, "ticketflow command line")
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{key}\n")
    fresh.rename(path)
    return key


@contextmanager
def own_client(settings: Settings, key: str) -> Iterator[ApiClient]:
    """Give a client of the API that is starting here, as soon as it answers."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=local_url(settings), headers=headers, timeout=READ_TIMEOUT_S, trust_env=False) as http:
        client = ApiClient(http, patience_s=API_START_TIMEOUT_S)
        client.wait_until_reachable()
        yield client


def submit_sample_tickets(client: ApiClient) -> None:
    """Post the sample tickets over HTTP and say how each was answered."""
    samples = [entry.content for entry in read_sample_tickets() if entry.content]
    say(f"posting {len(samples)} sample tickets")
    tickets = [client.open_ticket(*each)[0] for each in zip(samples, build_keys(samples), strict=True)]
    for ticket in tickets:
        _tell(_follow(client, ticket["id"]))


def _follow(client: ApiClient, ticket_id: str) -> dict[str, Any]:
    """Read a ticket once it has ended or waits for a person, who comes after this."""
    deadline = time.monotonic() + SAMPLE_TIMEOUT_S
    while True:
        ticket = client.get_ticket(ticket_id, wait_s=LOOK_EVERY_S)
        if ticket["status"] not in RUNNABLE or time.monotonic() > deadline:
            return ticket


def greet(settings: Settings, key: str) -> None:
    """Say where everything is and what to type next."""
    address = local_url(settings)
    say(f"serving on {address}, documentation at {address}/docs; your key, kept in {settings.data_dir / KEY_FILE}:")
    say(f"  export TICKETFLOW_API_KEY={key}")
    say("try, in another terminal:")
    say(f"  curl -s {address}/tickets -H 'Content-Type: application/json' \\")
    say('    -H "Authorization: Bearer $TICKETFLOW_API_KEY" \\')
    say("""    -d '{"subject": "Where is my parcel?", "body": "Order LC-204518 has not arrived."}'""")
    say("Ctrl-C stops everything; nothing is lost")


def _tell(ticket: dict[str, Any]) -> None:
    result = ticket["result"] or {}
    outcome = result.get("resolution", ticket["status"])
    team = f" ({result['team']})" if result else ""
    say(f"{ticket['subject']!r} -> {ticket['category']}, {outcome}{team}")
    preview = textwrap.shorten(ticket["final_response"] or "", _PREVIEW_CHARACTERS)
    for line in textwrap.wrap(preview, 96):
        say(f"    {line}")
