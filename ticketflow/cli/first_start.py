"""What ``ticketflow up`` shows a newcomer: sample articles, sample tickets, how they were answered."""

import json
import os
import textwrap
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import yaml

from ticketflow.cli.processes import say
from ticketflow.errors import ConfigurationError
from ticketflow.services.articles import import_articles
from ticketflow.services.keys import create_key, find_caller
from ticketflow.settings import Settings
from ticketflow.storage.articles import NewArticle, latest_revision
from ticketflow.storage.models import DEFAULT_TENANT
from ticketflow.storage.session import Sessions

KEY_FILE = "cli.key"
API_START_TIMEOUT_S = 60.0
SAMPLE_TIMEOUT_S = 60.0
_PREVIEW_CHARACTERS = 300


def load_sample_articles(sessions: Sessions) -> bool:
    """Import the sample knowledge base into an empty one; tell whether this was the first start."""
    with sessions() as session:
        if latest_revision(session, DEFAULT_TENANT) > 0:
            return False
    count = sum(1 for _ in import_articles(sessions, DEFAULT_TENANT, read_sample_articles()))
    say(f"loaded {count} sample articles of an invented shop")
    return True


def read_sample_articles() -> Iterator[NewArticle]:
    """Read the articles that ship with the package."""
    for entry in sorted(
        resources.files("ticketflow.samples").joinpath("articles").iterdir(), key=lambda each: each.name
    ):
        _, head, body = entry.read_text("utf-8").split("---\n", 2)
        front = yaml.safe_load(head)
        yield NewArticle(front["title"], body.strip(), front["tags"], external_id=f"sample/{Path(entry.name).stem}")


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


def submit_sample_tickets(settings: Settings, key: str) -> None:
    """Post the sample tickets over HTTP and say how each was answered."""
    lines = resources.files("ticketflow.samples").joinpath("tickets.jsonl").read_text("utf-8").splitlines()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=_address(settings), headers=headers, timeout=SAMPLE_TIMEOUT_S + 5) as client:
        _wait_for_api(client)
        say(f"posting {len(lines)} sample tickets")
        tickets = [client.post("/tickets", json=json.loads(line)).raise_for_status().json() for line in lines]
        for ticket in tickets:
            answer = client.get(f"/tickets/{ticket['id']}", params={"wait": int(SAMPLE_TIMEOUT_S)})
            _tell(answer.raise_for_status().json())


def greet(settings: Settings, key: str) -> None:
    """Say where everything is and what to type next."""
    address = _address(settings)
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
    say(f"{ticket['subject']!r} -> {ticket['category']}, {outcome} ({result.get('team')})")
    preview = textwrap.shorten(ticket["final_response"] or "", _PREVIEW_CHARACTERS)
    for line in textwrap.wrap(preview, 96):
        say(f"    {line}")


def _wait_for_api(client: httpx.Client) -> None:
    deadline = time.monotonic() + API_START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            client.get("/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise ConfigurationError("the API does not come up; its lines above say why")


def _address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"
