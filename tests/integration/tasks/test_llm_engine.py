"""The LLM engine through the Celery chain: a real model, one that dies, one that asks for a pause.

``LLM_TICKETS`` says how many tickets the real model gets; it writes some 40 tokens a second on one core.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.harness.llm_server import LlmServer
from tests.harness.model_stub import ModelStub, Refusal, find_shape
from tests.harness.processes import start_worker
from tests.harness.wait import wait_until
from ticketflow.cli.ticket_files import read_sample_tickets
from ticketflow.services.articles import create_article
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.articles import NewArticle
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.state import DEFAULT_TENANT

TICKETS = int(os.environ.get("LLM_TICKETS", "1"))
# A small model takes minutes for what it is bad at: once, in `make chaos`.
ALL_STEPS = ["classify,extract,research,draft,review"] if os.environ.get("CHAOS_LONG") == "1" else []
SECONDS_A_TICKET = 180
# Short ones: the model reads a hundred tokens a second.
ARTICLES = {
    "Reset your password": "To reset your password, open the sign-in page. Choose the reset link and follow it.",
    "Track a parcel": "Every parcel has a tracking number. Enter it on the tracking page to see where it is.",
    "I was charged twice": "A second charge is a reservation of your bank. It goes away within five days.",
    "Return an item": "You can return any unused item within 30 days of delivery. We pay the postage.",
    "Delivery to other countries": "We deliver to all countries of the European Union. Norway takes a week longer.",
    "Use a promo code": "Enter the code at checkout, before you pay. It cannot be added to a paid order.",
}


class Site:
    """Workers, a database with a few articles, and tickets."""

    def __init__(self, env: dict[str, str], directory: Path, sessions) -> None:
        self.env = env
        self.directory = directory
        self.sessions = sessions
        self.stack = ExitStack()

    def start(self, name: str, base_url: str, concurrency: int = 1, **settings: str) -> None:
        """Start a worker that asks the model at an address; tickets wait in the broker until it is ready."""
        asked = {
            "TICKETFLOW_LLM": "openai:stub",
            "TICKETFLOW_LLM_BASE_URL": base_url,
            "TICKETFLOW_LLM_API_KEY": "not-a-secret",
            **{f"TICKETFLOW_LLM_{key.upper()}": value for key, value in settings.items()},
        }
        self.stack.enter_context(start_worker(self.env | asked, name, self.directory / f"{name}.log", concurrency))

    def submit(self, count: int) -> None:
        samples = [each.content for each in read_sample_tickets()]
        for number in range(count):
            sample = samples[number % len(samples)]
            new = NewTicket(f"{sample['subject']} ({number})", sample["body"], **_customer(sample))
            submit_ticket(self.sessions, DEFAULT_TENANT, new, "classify")

    def query(self, statement: str) -> list:
        with self.sessions() as session:
            return list(session.execute(text(statement)).all())

    def count_completed(self) -> int:
        return self.query("SELECT count(*) FROM tickets WHERE status = 'completed'")[0][0]

    def wait_for_completed(self, count: int, timeout_s: float) -> None:
        wait_until(lambda: self.count_completed() >= count, timeout_s, self.describe)

    def describe(self) -> str:
        return f"all are completed; {self.query('SELECT status, next_step, error FROM tickets')}"

    def list_questions(self) -> list[tuple[str, dict]]:
        """List what the ledger says of every question to the model, with the step that asked it."""
        rows = self.query("SELECT step, engines FROM ticket_steps ORDER BY finished_at")
        return [(row.step, each) for row in rows for each in row.engines if each["engine"].startswith("llm/")]

    def tell(self) -> dict[str, Counter]:
        """Count what became of the questions, by step: ``valid``, ``repaired`` or why the embedded engine spoke."""
        outcomes: dict[str, Counter] = {}
        for step, said in self.list_questions():
            outcome = said["failure"] or ("repaired" if said["calls"] > 1 else "valid" if said["calls"] else "kept")
            outcomes.setdefault(step, Counter())[outcome] += 1
        return outcomes


def _customer(sample: dict) -> dict:
    customer = sample.get("customer") or {}
    return {"customer_email": customer.get("email"), "customer_name": customer.get("name")}


@pytest.fixture
def site(database_url, broker_url, sessions, tmp_path) -> Iterator[Site]:
    env = {"TICKETFLOW_DATABASE_URL": database_url, "TICKETFLOW_BROKER_URL": broker_url}
    for title, body in ARTICLES.items():
        create_article(sessions, DEFAULT_TENANT, NewArticle(title, body))
    made = Site(env, tmp_path, sessions)
    yield made
    made.stack.close()


@pytest.fixture(scope="session")
def llm_directory(server_directory) -> Path:
    directory = server_directory / "llm"
    directory.mkdir(exist_ok=True)
    return directory


# As many tokens as the longest list of facts takes: what is cut off is read and written a second time, for nothing.
REAL = {"timeout_s": "50", "max_tokens": "512", "temperature": "0", "max_concurrency": "1"}


@pytest.mark.slow
@pytest.mark.timeout(120 + TICKETS * SECONDS_A_TICKET)
@pytest.mark.parametrize("steps", ["draft,review", *ALL_STEPS])
def test_a_real_model_completes_every_ticket_with_valid_answers_or_a_visible_fallback(
    site, llm_directory, capsys, steps
):
    with LlmServer(llm_directory) as server:
        site.start("one", server.base_url, **REAL, steps=steps)
        site.submit(TICKETS)
        site.wait_for_completed(TICKETS, TICKETS * SECONDS_A_TICKET)

    outcomes, said = site.tell(), [each for _, each in site.list_questions()]
    with capsys.disabled():
        print(json.dumps(outcomes, indent=1), {key: sum(each[key] for each in said) for key in _SUMS})  # noqa: T201
    assert set(steps.split(",")) >= set(outcomes) != set()
    assert sum(each["calls"] for each in said) > 0
    fell_back = site.query("SELECT count(*) FROM ticket_events WHERE type = 'step.fell_back'")[0][0]
    assert fell_back == sum(each["failure"] is not None for each in said)
    assert all(each["input_tokens"] for each in said if each["failure"] is None and each["calls"])


_SUMS = ("calls", "input_tokens", "output_tokens")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tickets_are_completed_by_the_embedded_engine_when_the_provider_is_killed(site, llm_directory):
    with LlmServer(llm_directory) as server:
        site.start("one", server.base_url, concurrency=4, **(REAL | {"timeout_s": "10"}))
        site.submit(6)
        wait_until(site.list_questions, 120, site.describe)
        server.kill()
        site.wait_for_completed(6, 120)

    assert any("no answer" in (each["failure"] or "") for _, each in site.list_questions())
    assert site.query("SELECT count(*) FROM ticket_steps WHERE step = 'finalize'")[0][0] == 6


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_worker_calls_before_the_end_of_a_pause_the_provider_asked_for(site):
    requests = []

    def answer(body: dict) -> dict | Refusal:
        requests.append(body)
        return Refusal(429, {"Retry-After": "2"}) if len(requests) in (1, 8, 15) else minimal_answer(find_shape(body))

    with ModelStub(answer) as stub:
        for name in ("one", "two"):
            site.start(name, stub.base_url, concurrency=4, max_concurrency="1")
        site.submit(5)
        site.wait_for_completed(5, 200)

    arrivals = sorted(stub.arrivals, key=lambda arrival: arrival.came_at)
    refused = [number for number, arrival in enumerate(arrivals) if arrival.status == 429]
    assert len(refused) == 3
    for number in refused:
        assert arrivals[number + 1].came_at - arrivals[number].answered_at >= 2
    assert site.query("SELECT count(*) FROM ticket_events WHERE type = 'step.retrying'")[0][0] >= 3


def minimal_answer(shape: str) -> dict:
    """Answer with the least a schema takes."""
    least = {
        "Sorted": {"category": "other", "sentiment": "neutral", "priority": "normal", "sureness": "low"},
        "Facts": {"facts": []},
        "Query": {"query": "help"},
        "Choice": {"helpful": []},
        "Written": {"answers": False, "sureness": "low", "answer": "", "quotes": []},
        "Judged": {"addressed": 5, "problems": []},
    }
    return least[shape]
