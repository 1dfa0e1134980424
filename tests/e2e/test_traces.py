"""One request followed through everything: logs of API and worker, events, messages, the trace, the answer."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.model_stub import ModelStub, Refusal
from tests.harness.otlp import Collector, TakenSpan
from tests.harness.processes import find_free_port, start_api, start_worker
from tests.harness.rabbitmq import RabbitMQ
from tests.systems import System, new_client
from ticketflow.services.keys import create_key
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

# Five processes start and end.
pytestmark = pytest.mark.timeout(600)

STEPS = list(ticket_plan().order)
REQUEST_ID = "order-desk:2026/7f3a"
# Words that no line of a log may hold.
WORDS = "marzipan trombone"
TEN_MINUTES = "600000"  # milliseconds: nothing is sent before the process ends


@dataclass(frozen=True)
class Followed:
    """All that one ticket left behind, whose facts a model put off once, and then could not find."""

    header: str
    ticket: dict[str, Any]
    events: list[dict[str, Any]]
    api_log: list[dict[str, Any]]
    worker_log: list[dict[str, Any]]
    plain_lines: list[str]
    spans: list[TakenSpan]

    @property
    def trace(self) -> list[TakenSpan]:
        """The spans that belong to the ticket."""
        root = next(span for span in self.spans if span.name == "POST /tickets")
        return [span for span in self.spans if span.trace_id == root.trace_id]

    def named(self, start: str) -> list[TakenSpan]:
        """Spans of the ticket's trace by the start of their name."""
        return [span for span in self.trace if span.name.startswith(start)]

    def below(self, above: TakenSpan) -> list[TakenSpan]:
        """Spans somewhere below another one."""
        children = [span for span in self.trace if span.parent_id == above.span_id]
        return children + [each for child in children for each in self.below(child)]


@pytest.fixture(scope="module")
def followed(
    new_database: Callable[[], AbstractContextManager[str]], rabbitmq_server: RabbitMQ, tmp_path_factory
) -> Iterator[Followed]:
    """Send a ticket through an API process and a worker, and end both."""
    folder: Path = tmp_path_factory.mktemp("traces")
    refusals = iter([Refusal(429, {"Retry-After": "0.1"})])
    with new_database() as url, Collector() as collector, ModelStub(lambda _: next(refusals, Refusal(500))) as model:
        env = {
            "TICKETFLOW_DATABASE_URL": url,
            "TICKETFLOW_BROKER_URL": rabbitmq_server.add_vhost("traces"),
            "TICKETFLOW_LOG_FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": TEN_MINUTES,
            "TICKETFLOW_LLM": "openai:stub",
            "TICKETFLOW_LLM_BASE_URL": model.base_url,
            "TICKETFLOW_LLM_API_KEY": "not-a-secret",
            "TICKETFLOW_LLM_STEPS": "extract",
        }
        engine = build_engine(url)
        key = create_key(build_session_factory(engine), "traces", DEFAULT_TENANT)
        engine.dispose()
        port = find_free_port()
        with (
            start_worker(env, "traced", folder / "worker.log") as worker,
            start_api(env, port, folder / "api.log") as api,
            new_client(port, key) as client,
        ):
            worker.wait_for_log("ready.")
            sent = {"subject": f"A {WORDS}", "body": f"How do I reset the password of my {WORDS}?"}
            answer = client.post("/tickets", json=sent, headers={"X-Request-ID": REQUEST_ID})
            system = System(client, url, env)
            ticket = system.wait(answer.json()["id"])
            events = system.events(ticket["id"])
            for process in (worker, api):
                process.stop(signal.SIGTERM)
            yield Followed(
                header=answer.headers["X-Request-ID"],
                ticket=ticket,
                events=events,
                api_log=read_json_lines(api.read_log()),
                worker_log=read_json_lines(worker.read_log()),
                plain_lines=[line for line in api.read_log().splitlines() if not line.startswith("{")],
                spans=collector.spans,
            )


def read_json_lines(log: str) -> list[dict[str, Any]]:
    """Read the lines of a log that are JSON: a worker's greeting, before anything is set up, is not."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_the_id_of_a_request_is_in_its_answer_its_ticket_and_all_events(followed: Followed):
    assert followed.header == REQUEST_ID
    assert followed.ticket["request_id"] == REQUEST_ID
    assert {event["request_id"] for event in followed.events} == {REQUEST_ID}
    assert {event["type"] for event in followed.events} >= {"ticket.received", "step.retrying", "ticket.completed"}


def test_the_api_logs_a_request_with_its_id_and_its_ticket(followed: Followed):
    lines = [line for line in followed.api_log if line.get("request_id") == REQUEST_ID]

    assert [line["event"] for line in lines] == ["request.finished"]
    assert lines[0].items() >= {"ticket_id": followed.ticket["id"], "tenant": "default", "status": 202}.items()
    assert lines[0]["worker"].startswith("api-")


def test_gunicorns_own_lines_are_of_the_same_format(followed: Followed):
    loggers = {line["logger"] for line in followed.api_log}

    assert loggers >= {"gunicorn.error", "ticketflow.api.request_log"}
    assert followed.plain_lines == []


def test_a_worker_logs_every_step_with_the_id_of_the_request_and_all_that_tells_steps_apart(followed: Followed):
    lines = [line for line in followed.worker_log if line["event"] == "step.finished"]

    assert [line["step"] for line in lines] == STEPS
    assert [line["attempt"] for line in lines] == [2 if step == "extract" else 1 for step in STEPS]
    common = {"request_id": REQUEST_ID, "ticket_id": followed.ticket["id"], "tenant": "default"}
    assert all(line.items() >= common.items() for line in lines)
    assert all(line["generation"] and line["worker"].startswith("traced@") for line in lines)


def test_no_customers_words_are_in_any_log(followed: Followed):
    written = json.dumps([followed.api_log, followed.worker_log])

    assert not [word for word in WORDS.split() if word in written]


def test_every_attempt_of_every_step_is_a_span_below_the_request(followed: Followed):
    (request,) = followed.named("POST /tickets")
    steps = followed.named("step ")

    assert Counter(span.name for span in steps) == {f"step {step}": 2 if step == "extract" else 1 for step in STEPS}
    assert {span.parent_id for span in steps} == {request.span_id}
    assert {span.attributes["ticketflow.request_id"] for span in [request, *steps]} == {REQUEST_ID}
    put_off, done = sorted(followed.named("step extract"), key=lambda span: span.attributes["ticketflow.attempt"])
    assert put_off.has_failed
    assert put_off.attributes["ticketflow.outcome"] == "retrying"
    assert done.attributes["ticketflow.outcome"] == "committed"


def test_steps_link_to_the_dispatch_that_sent_them_also_when_they_are_sent_again(followed: Followed):
    dispatches = {span.span_id: span.attributes["ticketflow.generation"] for span in followed.named("dispatch")}

    sent_by = [dispatches[link] for span in followed.named("step ") for link in span.links]

    assert sent_by == [span.attributes["ticketflow.generation"] for span in followed.named("step ")]
    assert len(set(sent_by)) == 2


def test_statements_and_calls_to_a_model_are_spans_inside_their_step(followed: Followed):
    for step in followed.named("step "):
        statements = [
            span.name for span in followed.below(step) if span.attributes.get("db.system.name") == "postgresql"
        ]
        # Whoever committed the step before need not read its ticket: what comes of it is written in any case.
        assert "WITH" in statements, step.name
    assert any(span.name == "SELECT" for step in followed.named("step ") for span in followed.below(step))
    asked = [
        span
        for step in followed.named("step extract")
        for span in followed.below(step)
        if span.name == "chat openai:stub"
    ]
    assert len(asked) >= 2
    assert all(span.has_failed for span in asked)


def test_only_requests_begin_a_trace(followed: Followed):
    assert {span.kind for span in followed.spans if not span.parent_id} == {"SERVER"}


def test_log_lines_name_the_trace(followed: Followed):
    (request,) = followed.named("POST /tickets")

    lines = [line for line in (*followed.api_log, *followed.worker_log) if line.get("request_id") == REQUEST_ID]

    assert {line["trace_id"] for line in lines} == {request.trace_id}


def test_no_customers_words_are_in_any_span(followed: Followed):
    assert not [span for span in followed.spans for word in WORDS.split() if word in repr(span)]
