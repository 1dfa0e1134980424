"""What ``ticketflow up`` shows a newcomer: sample articles, sample tickets, how they were answered."""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.panel import Panel

from ticketflow.cli.article_files import read_sample_articles
from ticketflow.cli.client import KEY_FILE, READ_TIMEOUT_S, ApiClient, local_url
from ticketflow.cli.processes import say
from ticketflow.cli.submit import wait_for_one
from ticketflow.cli.terminal import results
from ticketflow.cli.ticket_files import build_keys, read_sample_tickets
from ticketflow.services.articles import import_articles
from ticketflow.services.keys import create_key, find_caller
from ticketflow.settings import Settings
from ticketflow.storage.articles import latest_revision
from ticketflow.storage.session import Sessions
from ticketflow.workflow.state import DEFAULT_TENANT

API_START_TIMEOUT_S = 60.0
SAMPLE_TIMEOUT_S = 60.0
# Of what is shown of a reply.
WIDTH = 76
MOST_LINES = 3
# Columns of the closing box that hold no text: two borders with a blank each, and the gap after a name.
BORDERS = 6


def load_sample_articles(sessions: Sessions) -> bool:
    """Import the sample knowledge base into an empty one; tell whether this was the first start."""
    with sessions() as session:
        if latest_revision(session, DEFAULT_TENANT) > 0:
            return False
    count = sum(1 for _ in import_articles(sessions, DEFAULT_TENANT, read_sample_articles().articles))
    say(f"loaded {count} sample articles of an invented shop")
    return True


def make_cli_key(sessions: Sessions, data_dir: Path) -> tuple[str, bool]:
    """Return the command line's own key, and whether it is a new one: the kept one still works, or it was the first."""
    path = data_dir / KEY_FILE
    if path.exists():
        kept = path.read_text().strip()
        if find_caller(sessions, kept) is not None:
            return kept, False
    key = create_key(sessions, "ticketflow command line", DEFAULT_TENANT)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{key}\n")
    fresh.rename(path)
    return key, True


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
        tell_answer(wait_for_one(client, ticket, time.monotonic() + SAMPLE_TIMEOUT_S))


def greet(settings: Settings, log: Path, new_key: str | None) -> None:
    """Say where everything is and what to type next; a key only in the run that made it."""
    address, kept = local_url(settings), settings.data_dir / KEY_FILE
    command = "ticketflow" if shutil.which("ticketflow") else os.path.relpath(sys.argv[0])  # from another terminal here
    known = {
        "API": address,
        "documentation": f"{address}/docs",
        "your key": new_key or f"in {kept}",
        "log": str(log),
        "next": f'echo "Where is my order LC-204518?" | {command} submit --wait',
    }
    width = max(map(len, known))
    console = results()
    # Wider than the terminal rather than broken: these are there to be copied.
    console.width = max(console.width, *(width + len(value) + BORDERS for value in known.values()))
    say("")
    console.print(
        Panel("\n".join(f"{name:<{width}}  {value}" for name, value in known.items()), title="Ticket Flow is running")
    )
    if new_key:
        say(f"The key is shown this once, and kept in {kept}; the commands here find it by themselves.")
    say("Ctrl-C stops everything; nothing is lost.")


def tell_answer(ticket: dict[str, Any]) -> None:
    """Say how a ticket was answered, in what is particular about it."""
    result = ticket["result"] or {}
    resolution = result.get("resolution", ticket["status"])
    say(f"\n{ticket['subject']}")
    haste = ticket["priority"] if ticket["priority"] == "urgent" else None
    say(f"  {' · '.join(filter(None, [ticket['category'], haste, resolution, result.get('team')]))}")
    left = [f"Handed over to {result['team']}: “{each}”" for each in result.get("handed_over") or ()]
    for said in (_quote(ticket), *left):
        for line in textwrap.wrap(said, WIDTH, max_lines=MOST_LINES, placeholder=" …"):
            say(f"    {line}")


def _quote(ticket: dict[str, Any]) -> str:
    """Return what is particular about a reply: the sentences it quotes, or where the ticket went."""
    result = ticket["result"] or {}
    if result.get("resolution") == "ignored":
        return f"No letter: nobody need answer this ({result.get('reason') or 'a person said so'})."
    if result.get("reason"):
        return f"No article may answer this ({result['reason']}): a person reads it before others."
    if ticket["citations"] and result.get("resolution") == "answered":
        return f"{ticket['citations'][0]['title']}: {' '.join(each['quote'] for each in ticket['citations'])}"
    return "No article answers this for sure: acknowledged, and handed over to the team."
