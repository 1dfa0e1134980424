"""What goes on in a showcase: callers, people who decide, a chat model, receivers of webhooks, and some trouble."""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx
import psycopg

from tests.drills.showcase import Showcase
from tests.harness.model_stub import Refusal, find_shape
from ticketflow.cli.ticket_files import read_sample_tickets

PACE_S = 0.8
# In rounds of the load: from when to when the articles cannot be read, so that tries fail and some tickets with them.
TROUBLE = range(30, 55)
# Of so many questions the chat model does not answer the first few; to the others it thinks for a moment.
PERIOD, DOWN = 150, 3
THINKS_S = 0.6
ANSWERS: dict[str, dict[str, Any]] = {
    "Sorted": {"category": "other", "sentiment": "neutral", "priority": "normal", "sureness": "low"},
    "Facts": {"facts": []},
    "Query": {"query": "help"},
    "Choice": {"helpful": []},
    "Written": {"answers": False, "sureness": "low", "answer": "", "quotes": []},
    "Judged": {"addressed": 5, "problems": []},
}


class Model:
    """A chat model that answers the least it can, and is down now and then.

    Attributes:
        thinks_s: How long it takes.
    """

    def __init__(self) -> None:
        self.thinks_s = THINKS_S
        self._numbers = itertools.count(1)

    def __call__(self, body: dict[str, Any]) -> dict[str, Any] | Refusal:
        if next(self._numbers) % PERIOD < DOWN:
            return Refusal(500)
        threading.Event().wait(self.thinks_s)
        return ANSWERS[find_shape(body)]


@contextlib.contextmanager
def receivers_running(statuses: Sequence[int]) -> Iterator[list[str]]:
    """Run receivers of webhooks, each of which always answers the same; gives their addresses."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _build_receiver(status)) for status in statuses]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield [f"http://127.0.0.1:{server.server_address[1]}/hook" for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


class Load:
    """Tickets and decisions at a steady pace, from a thread."""

    def __init__(self, showcase: Showcase, hooks: Sequence[str]) -> None:
        """Prepare it; entering begins."""
        self._showcase = showcase
        self._hooks = hooks
        self._samples = itertools.cycle([each.content for each in read_sample_tickets()])
        self._actions = itertools.cycle(["accept", "ignore", "reject"])
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._showcase.key}"}
        try:
            with httpx.Client(base_url=self._showcase.build_url("api"), headers=headers, timeout=30) as client:
                for url in self._hooks:
                    client.post("/webhooks", json={"url": url}).raise_for_status()
                for number in itertools.count():
                    self._do_round(client, number)
                    if self._is_over.wait(PACE_S):
                        break
        except Exception as error:  # noqa: BLE001  # told to the test, which is in another thread
            self.error = error
        finally:
            self._repair()

    def _do_round(self, client: httpx.Client, number: int) -> None:
        sample = next(self._samples)
        new = sample | {"subject": f"{sample['subject']} ({number})", "priority": ["normal", "high", "low"][number % 3]}
        client.post("/tickets", json=new).raise_for_status()
        client.get("/tickets", params={"limit": 5}).raise_for_status()
        if number % 8 == 0:
            self._decide(client)
        if number == TROUBLE.start:
            self._alter("ALTER TABLE articles RENAME TO articles_away")
        if number == TROUBLE.stop:
            self._repair()

    def _decide(self, client: httpx.Client) -> None:
        """Decide about some of the drafts; one always waits."""
        waiting = client.get("/tickets", params={"status": "awaiting_approval", "limit": 5}).raise_for_status().json()
        for ticket in waiting["tickets"][1:]:
            seen = client.get(f"/tickets/{ticket['id']}").headers["ETag"]
            decision = {"action": next(self._actions)}
            client.post(f"/tickets/{ticket['id']}/approval", json=decision, headers={"If-Match": seen})

    def _repair(self) -> None:
        self._alter("ALTER TABLE IF EXISTS articles_away RENAME TO articles")

    def _alter(self, statement: str) -> None:
        url = self._showcase.database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _build_receiver(status: int) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Receiver
