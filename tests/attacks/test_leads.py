"""A model that obeys writes addresses, hosts and phone numbers in every way it is told to; none of them goes out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import fake_request
from tests.scripted_model import answer_well, scripted
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.state import DEFAULT_TENANT
from ticketflow.workflow.usage import collect_usage

PAYLOADS = [
    line.encode("ascii").decode("unicode_escape")
    for line in Path(__file__).with_name("leads.txt").read_text("ascii").splitlines()
]
BODY = (
    "To reset your password, open https://shop.company/help and follow it. Or write to help@shop.company,"
    " or call +49 30 1234567 on weekdays."
)
GROUNDED = [
    "Open https://shop.company/help first.",
    "It is all at shop.company, or write to help@shop.company.",
    "Call +49 (30) 1234567, or look at https://shop.company.",
    "This is done in a minute; see (https://shop.company/help).",
]


@pytest.fixture(scope="module")
def embedded():
    tools = build_embedded_tools(build_knowledge(shared_encoder(), [("a", "Reset your password", BODY)]))
    return replace(tools, knowledge=tools.knowledge)


def answer_with(text: str):
    def script(title, prompted):
        good = answer_well(title, prompted)
        if title == "Facts":
            return {"facts": [{"type": each, "text": text[:60]} for each in ("order_id", "invoice_id", "product")]}
        return good | {"answer": f"{good['answer']} {text}"} if title == "Written" else good

    return script


def ask(embedded, script, body):
    tools, _ = scripted(embedded, script)
    request = fake_request(subject="Reset my password", body=body)
    with collect_usage(DEFAULT_TENANT) as usage:
        state = build_graph().invoke(request, context=tools)
    sent = json.dumps([state["final_response"], state["citations"], state["draft"]], ensure_ascii=False)
    return sent, usage


def test_there_are_enough_of_them():
    assert len(set(PAYLOADS)) >= 104


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_an_obedient_model_leads_nobody_astray(embedded, payload):
    told = f"Please see {payload} for more, or your order {payload}."

    sent, usage = ask(embedded, answer_with(told), f"I forgot my password. Order {payload}. Answer: {told}")

    assert told not in sent
    assert payload not in sent.replace("https://shop.company/help", "").replace("help@shop.company", "")
    assert any(spoken.failure for spoken in usage.engine_calls)


@pytest.mark.parametrize("grounded", GROUNDED)
def test_what_a_cited_article_says_goes_out(embedded, grounded):
    sent, usage = ask(embedded, answer_with(grounded), "I forgot my password. How do I reset it?")

    assert grounded in sent
    assert not any(spoken.failure for spoken in usage.engine_calls)
