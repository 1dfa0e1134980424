"""The OpenAPI document tells the truth: every answer fits it, and nothing the services show is left out."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from tests.served import TICKET, Served, serve_one_database
from ticketflow.services.articles import read_article
from ticketflow.services.pauses import read_pauses
from ticketflow.services.read_tickets import read_events, read_steps, read_ticket
from ticketflow.storage.models import TicketEvent
from ticketflow.workflow.state import DEFAULT_TENANT

JSON_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
    "null": type(None),
}
ARTICLE = {"title": "Refunds", "body": "Sent back within five days.", "tags": ["billing"], "external_id": "kb-1"}
HTTP_METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module")
def api(new_database):
    with serve_one_database(new_database) as served:
        yield served


@pytest.fixture(scope="module")
def document(api) -> dict[str, Any]:
    return api.get("/openapi.json").json


@pytest.fixture(scope="module")
def finished(api) -> str:
    ticket_id = api.submit(
        customer={"email": "ada@example.com"}, metadata={"n": [1, {"x": None}]}, not_before="2026-01-01T00:00:00Z"
    )["id"]
    api.finish(ticket_id)
    return ticket_id


@pytest.fixture(scope="module")
def article(api) -> str:
    return api.post("/articles", json=ARTICLE).json["id"]


@pytest.fixture
def failed(api) -> str:
    ticket_id = api.submit()["id"]
    api.fail(ticket_id)
    return ticket_id


@pytest.fixture
def completed(api) -> str:
    ticket_id = api.submit()["id"]
    api.finish(ticket_id)
    return ticket_id


def test_every_answer_is_documented(api, document, finished, article):
    conversation = [
        ("post", "/tickets", {"json": TICKET}),
        ("post", "/tickets", {"json": {}}),
        ("post", "/tickets", {"data": "{"}),
        ("post", "/tickets", {"json": TICKET, "headers": {"Authorization": ""}}),
        ("get", "/tickets", {}),
        ("get", "/tickets", {"query_string": "limit=0"}),
        ("get", f"/tickets/{finished}", {}),
        ("get", f"/tickets/{finished}/events", {}),
        ("get", f"/tickets/{finished}/steps", {}),
        ("get", f"/tickets/{article}", {}),
        ("post", "/articles", {"json": ARTICLE | {"external_id": None}}),
        ("post", "/articles", {"json": ARTICLE}),
        ("get", "/articles", {}),
        ("get", f"/articles/{article}", {}),
        ("put", f"/articles/{article}", {"json": {"title": "T", "body": "B"}, "headers": {"If-Match": '"9"'}}),
        ("put", f"/articles/{article}", {"json": {"title": "T", "body": "B"}}),
        ("get", "/articles/search", {"query_string": "q=reset+password"}),
        ("get", "/healthz", {}),
        ("get", "/readyz", {}),
    ]
    check_conversation(api, document, conversation)


def test_every_answer_to_an_operation_is_documented(api, document, completed, failed, article):
    fork = {"step": "draft", "overrides": {"team": "Billing", "customer": {"name": None}}}
    conversation = [
        ("get", f"/tickets/{failed}", {}),
        ("post", f"/tickets/{failed}/retry", {"headers": {"If-Match": '"99"'}}),
        ("post", f"/tickets/{failed}/retry", {}),
        ("post", f"/tickets/{completed}/retry", {}),
        ("post", f"/tickets/{failed}/cancel", {}),
        ("post", f"/tickets/{completed}/cancel", {"json": {"reason": "No"}}),
        ("post", f"/tickets/{completed}/fork", {"json": fork}),
        ("post", f"/tickets/{completed}/fork", {"json": {"step": "lost"}}),
        ("post", f"/tickets/{completed}/rewind", {"json": {"step": "finalize"}}),
        ("post", f"/tickets/{completed}/rewind", {"json": {"step": "lost"}}),
        ("post", f"/tickets/{article}/cancel", {"json": {}}),
        ("get", f"/tickets/{completed}/steps", {}),
        ("put", "/pauses/finalize", {"json": {"reason": "No"}}),
        ("get", "/pauses", {}),
        ("put", "/pauses/lost", {}),
        ("delete", "/pauses/all", {}),
    ]
    check_conversation(api, document, conversation)

    assert api.delete("/pauses/finalize").status_code == 204
    with api.sessions() as session:
        happened = set(session.scalars(select(TicketEvent.type)))
    described = document["components"]["schemas"]["Event"]["properties"]["type"]["description"]
    assert {"ticket.retried", "ticket.cancelled", "ticket.forked", "ticket.rewound"} < happened
    assert {name for name in happened if f"`{name}`" not in described} == set()


def test_every_answer_to_a_person_s_decision_is_documented(api, document, completed):
    first, second = (api.submit()["id"] for _ in range(2))
    for ticket_id in (first, second):
        api.propose(ticket_id)
    seen = {ticket_id: {"If-Match": api.get(f"/tickets/{ticket_id}").headers["ETag"]} for ticket_id in (first, second)}
    edit = {"action": "edit", "final_response": "Please call us.", "note": "shorter"}
    correction = {"category": "shipping", "priority": "high", "entities": [], "note": "a parcel"}
    done = {"If-Match": api.get(f"/tickets/{completed}").headers["ETag"]}
    conversation = [
        ("get", f"/tickets/{first}", {}),
        ("get", "/tickets", {"query_string": "status=awaiting_approval&team=Accounts"}),
        ("post", f"/tickets/{first}/approval", {"json": edit}),
        ("post", f"/tickets/{first}/approval", {"json": {"action": "edit"}, "headers": seen[first]}),
        ("post", f"/tickets/{first}/approval", {"json": edit, "headers": {"If-Match": '"1"'}}),
        ("post", f"/tickets/{first}/approval", {"json": edit, "headers": seen[first]}),
        ("post", f"/tickets/{second}/approval", {"json": {"action": "reject"}, "headers": seen[second]}),
        ("get", f"/tickets/{second}", {}),
        ("post", f"/tickets/{completed}/approval", {"json": {"action": "accept"}, "headers": done}),
        ("patch", f"/tickets/{completed}", {"json": correction}),
        ("patch", f"/tickets/{completed}", {"json": {}, "headers": done}),
        ("patch", f"/tickets/{completed}", {"json": correction, "headers": done}),
        ("patch", f"/tickets/{completed}", {"json": correction, "headers": done}),
        ("get", "/corrections", {}),
        ("get", "/corrections", {"query_string": "field=lost"}),
    ]
    check_conversation(api, document, conversation)

    api.finish(first)
    check_conversation(api, document, [("get", f"/tickets/{first}", {})])
    with api.sessions() as session:
        happened = set(session.scalars(select(TicketEvent.type)))
    described = document["components"]["schemas"]["Event"]["properties"]["type"]["description"]
    assert {"approval.requested", "approval.given", "ticket.corrected"} < happened
    assert {name for name in happened if f"`{name}`" not in described} == set()


def test_every_answer_about_webhooks_is_documented(api, document, completed):
    new = {"url": "https://shop.example/hooks", "events": ["ticket.cancelled"]}
    webhook = api.post("/webhooks", json=new)
    path = webhook.headers["Location"]
    delivery = api.post(f"{path}/test").headers["Location"]
    api.post(f"/tickets/{api.submit()['id']}/cancel")
    conversation = [
        ("post", "/webhooks", {"json": new}),
        ("post", "/webhooks", {"json": new | {"url": "https://shop.example/others"}}),
        ("post", "/webhooks", {"json": new | {"url": "https://shop.example/third", "events": ["ticket.lost"]}}),
        ("post", "/webhooks", {"json": {"url": "http://[fd00::1]/"}}),
        ("get", "/webhooks", {}),
        ("get", path, {}),
        ("patch", path, {"json": {"events": ["ticket.failed"]}, "headers": {"If-Match": '"9"'}}),
        ("patch", path, {"json": {"events": ["ticket.failed"], "description": "the shop"}}),
        ("patch", path, {"json": {}}),
        ("patch", path, {"json": {"url": "https://shop.example/others"}}),
        ("get", f"{path}/deliveries", {}),
        ("get", f"{path}/deliveries", {"query_string": "status=lost"}),
        ("get", delivery, {}),
        ("post", f"{delivery}/redeliver", {}),
        ("post", f"{path}/rotate-secret", {}),
        ("post", f"{path}/test", {}),
        ("patch", path, {"json": {"enabled": False}}),
        ("post", f"{path}/test", {}),
        ("get", f"/webhooks/{completed}", {}),
    ]
    check_conversation(api, document, conversation)

    assert list(find_misfits(webhook.json, {"$ref": "#/components/schemas/WebhookWithSecret"}, document)) == []
    assert len(api.get(f"{path}/deliveries?limit=1").json["deliveries"]) == 1
    assert 'rel="next"' in api.get(f"{path}/deliveries?limit=1").headers["Link"]
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_what_is_decided_or_corrected_must_name_its_version(document):
    for method, path in (("post", "/tickets/{ticket_id}/approval"), ("patch", "/tickets/{ticket_id}")):
        (header,) = (each for each in document["paths"][path][method]["parameters"] if each["name"] == "If-Match")
        assert header["required"], (method, path)
        assert "428" in document["paths"][path][method]["responses"]


def test_the_check_of_answers_finds_faults(api, document, finished):
    ticket = api.get(f"/tickets/{finished}").json
    schema = {"$ref": "#/components/schemas/Ticket"}
    faults = [{"status": "lost"}, {"version": "7"}, {"surprise": 1}, {"entities": [{"type": "order_id"}]}]
    faults += [{"result": {}}, {"result": ticket["result"] | {"resolution": "lost"}}, {"result": "answered"}]

    assert list(find_misfits(ticket, schema, document)) == []
    assert all(list(find_misfits(ticket | fault, schema, document)) for fault in faults)
    assert list(find_misfits({}, schema, document))


def test_answers_leave_nothing_out(api, finished, failed, article):
    ticket_id = api.get(f"/tickets/{finished}").json["id"]
    place = (api.sessions, DEFAULT_TENANT)

    assert api.get(f"/tickets/{ticket_id}").json == read_ticket(*place, ticket_id)
    assert api.get(f"/tickets/{ticket_id}/events").json["events"] == read_events(*place, ticket_id, 0, 200)[0]
    steps = api.get(f"/tickets/{ticket_id}/steps").json["steps"]
    kept = [(each.step, each.output, each.engines) for each in read_steps(*place, ticket_id)]
    assert [(each["step"], each["output"], each["engines"]) for each in steps] == kept
    shown, row = api.get(f"/articles/{article}").json, read_article(*place, article)
    assert {name: shown[name] for name in ARTICLE} == {name: getattr(row, name) for name in ARTICLE}
    assert api.get(f"/tickets/{failed}").json == read_ticket(*place, failed)
    paused = api.put("/pauses/finalize", json={"reason": "repairs"}).json
    assert [(paused["step"], paused["tenant"], paused["reason"])] == [
        (each.step, each.tenant, each.reason) for each in read_pauses(*place)
    ]
    assert api.delete("/pauses/finalize").status_code == 204
    assert api.get(f"/tickets/{ticket_id}").json["entities"]
    assert api.get(f"/tickets/{ticket_id}").json["citations"]


def test_every_route_is_documented(api, document):
    routes = {
        re.sub(r"<[^:>]+:(\w+)>", r"{\1}", rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.rule != "/" and not rule.rule.startswith(("/docs", "/openapi.json", "/metrics"))
    }

    assert routes == set(document["paths"])


def test_every_operation_has_a_summary_and_problems_for_errors(document):
    for path, operations in document["paths"].items():
        for method in HTTP_METHODS & set(operations):
            operation = operations[method]
            assert operation["summary"].endswith((".", "?")), (method, path)
            for status in {"default"} | {code for code in operation["responses"] if code.startswith("4")}:
                content = find_response(document, method, path, status)["content"]
                assert list(content) == ["application/problem+json"], (method, path, status)


def test_a_key_is_asked_for_everywhere_but_at_the_probes(document):
    open_paths = {path for path, each in document["paths"].items() if each.get("get", {}).get("security") == []}

    assert document["security"] == [{"key": []}]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert open_paths == {"/healthz", "/readyz"}


def test_parameters_and_headers_are_documented_side_by_side(document):
    events = document["paths"]["/tickets/{ticket_id}/events"]["get"]["parameters"]
    send = document["paths"]["/tickets"]["post"]["parameters"]

    assert {parameter["name"] for parameter in events} == {"after", "limit", "Last-Event-ID"}
    assert {parameter["name"] for parameter in send} == {"Idempotency-Key"}


def test_whatever_a_ticket_is_opened_with_a_fork_can_change(document):
    schemas = document["components"]["schemas"]

    assert set(schemas["NewTicket"]["properties"]) < set(schemas["Overrides"]["properties"])
    assert set(schemas["NewCustomer"]["properties"]) == set(schemas["ChangedCustomer"]["properties"])


def test_the_documented_example_is_accepted(api, document):
    example = document["paths"]["/tickets"]["post"]["requestBody"]["content"]["application/json"]["example"]

    assert api.post("/tickets", json=example).status_code == 202


def test_the_page_needs_nothing_from_elsewhere(api):
    page = api.get("/docs")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert (page.status_code, "://" in page.text) == (200, False)
    assert {api.get(f"/{part}").status_code for part in parts} == {200}
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert api.get("/docs/docs.py").status_code == 404


def test_whatever_can_be_repeated_says_that_an_answer_was_given_before(document):
    calls = [call for path in document["paths"].values() for method, call in path.items() if method == "post"]
    repeatable = [call for call in calls if "Idempotency-Key" in str(call.get("parameters"))]

    assert len(repeatable) == 3
    assert all("Idempotency-Replayed" in call["responses"]["202"]["headers"] for call in repeatable)
    assert "Idempotency-Replayed" in document["info"]["description"]


def test_a_browser_is_led_to_the_page(api):
    door = api.get("/", headers={"Accept": "text/html"})

    assert (door.status_code, door.headers["Location"]) == (302, "docs")
    assert api.call("GET", "/", headers={"Authorization": ""}, follow_redirects=True).mimetype == "text/html"


def check_conversation(api: Served, document: dict[str, Any], conversation: list[tuple[str, str, dict[str, Any]]]):
    """Have a conversation in which every answer must be as documented."""
    for method, path, how in conversation:
        answer = api.call(method.upper(), path, **how)

        documented = find_response(document, method, path, str(answer.status_code))["content"]
        assert answer.mimetype in documented, (method, path, answer.status_code)
        assert list(find_misfits(answer.json, documented[answer.mimetype]["schema"], document)) == []


def find_response(document: dict[str, Any], method: str, path: str, status: str) -> dict[str, Any]:
    """Return the documentation of an answer."""
    fitting = [known for known in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)]
    same = path if path in fitting else fitting[0]
    return resolve(document["paths"][same][method]["responses"][status], document)


def resolve(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    if "$ref" not in node:
        return node
    found: Any = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def find_misfits(value: Any, schema: dict[str, Any], document: dict[str, Any], path: str = "$"):
    """Yield where a value does not fit a schema; what is not documented does not fit."""
    schema = resolve(schema, document)
    if "anyOf" in schema:
        misfits = [list(find_misfits(value, each, document, path)) for each in schema["anyOf"]]
        yield from min(misfits, key=len)
        return
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", list(JSON_TYPES))
    is_misfit = not any(isinstance(value, JSON_TYPES[name]) for name in types)
    # To Python a truth value is an integer too.
    if is_misfit or (isinstance(value, bool) and "boolean" not in types):
        yield f"{path}: {value!r} is not {types}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    elif isinstance(value, list) and "items" in schema:
        for place, each in enumerate(value):
            yield from find_misfits(each, schema["items"], document, f"{path}[{place}]")
    elif isinstance(value, dict):
        yield from find_object_misfits(value, schema, document, path)


def find_object_misfits(value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], path: str):
    """Yield what is missing, unknown, or does not fit in an object."""
    known = schema.get("properties", {})
    yield from (f"{path}: no {name}" for name in schema.get("required", []) if name not in value)
    for name, below in value.items():
        if name in known:
            yield from find_misfits(below, known[name], document, f"{path}.{name}")
        elif schema.get("additionalProperties", False) is False:
            yield f"{path}.{name} is not documented"
