"""Whatever is sent: a bad request is told what is wrong, stores nothing and never ends in a 500."""

import json
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.served import TICKET, Served, serve_one_database
from ticketflow.server.framing import MAX_LINE_BYTES


@pytest.fixture(scope="module")
def api(new_database):
    with serve_one_database(new_database) as served:
        yield served


@pytest.fixture(scope="module")
def fuzzed(new_database):
    with serve_one_database(new_database) as served:
        yield served


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": None}, "subject"),
        ({"subject": 7}, "subject"),
        ({"subject": "x" * 501}, "subject"),
        ({"subject": "two\nlines"}, "subject"),
        ({"subject": "a\x00b"}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"subject": "", "body": ""}, "body"),
        ({"subject": " ", "body": " \n\t"}, "body"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "2026-01-01T00:00:00"}, "received_at"),
        ({"body": ["text"]}, "body"),
        ({"body": "x" * 100_001}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"body": "\udfff"}, "body"),
        ({"customer": "ada"}, "customer"),
        ({"customer": {"email": "ada"}}, "customer.email"),
        ({"customer": {"email": f"{'a' * 64}@{'b' * 200}.example"}}, "customer.email"),
        ({"customer": {"name": "x" * 201}}, "customer.name"),
        ({"customer": {"name": "\ud800"}}, "customer.name"),
        ({"customer": {"phone": "1"}}, "customer.phone"),
        ({"channel": "x" * 51}, "channel"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"priority": "soon"}, "priority"),
        ({"priority": 3}, "priority"),
        ({"timezone": "Europe"}, "timezone"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": 1}, "timezone"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"note": "a\x00"}}, "metadata.note"),
        ({"metadata": {"deep": [{"er": "\ud800"}]}}, "metadata.deep.0.er"),
        ({"metadata": {"a\x00": 1}}, "metadata"),
        ({"metadata": {"n": 10**40}}, "metadata.n"),
        ({"metadata": {"text": "x" * 16_384}}, "metadata"),
        ({"not_before": "tomorrow"}, "not_before"),
        ({"not_before": "2026-01-01T00:00:00"}, "not_before"),
        ({"not_before": "0001-01-01T00:00:00+14:00"}, "not_before"),
        ({"not_before": 1_700_000_000}, "not_before"),
        ({"status": "completed"}, "status"),
        ({"callback_url": "http://127.0.0.1"}, "callback_url"),
    ],
)
def test_a_field_that_does_not_fit_is_named(api, changes, field):
    answer = api.post("/tickets", data=json.dumps(TICKET | changes), content_type="application/json")

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert {error["field"] for error in answer.json["errors"]} == {field}
    assert field in answer.json["detail"]
    assert api.count("tickets") == 0


def test_a_ticket_without_any_words_is_refused(api):
    answer = api.post("/tickets", json={})

    assert {error["field"] for error in answer.json["errors"]} == {"body"}


@pytest.mark.parametrize(
    "said",
    [{"subject": "Call me"}, {"body": "Where is it?"}, {"metadata": {"attachments": ["photo.png"]}}],
)
def test_a_subject_a_body_or_something_attached_is_enough(fuzzed, said):
    answer = fuzzed.post("/tickets", json=said)

    assert answer.status_code == 202
    assert (answer.json["subject"], answer.json["body"]) == (said.get("subject", ""), said.get("body", ""))


def test_a_ticket_keeps_the_moment_it_came_in(fuzzed):
    answer = fuzzed.post("/tickets", json={"subject": "Late", "received_at": "2026-11-20T10:12:00+01:00"})

    assert answer.json["received_at"] == "2026-11-20T09:12:00Z"
    assert answer.json["created_at"] != answer.json["received_at"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"subject": NaN}', 400),
        (b'{"metadata": {"n": 1e999}}', 422),
        (b'{"metadata": {"n": ' + b"9" * 5000 + b"}}", 400),
        (b"[" * 200_000, 400),
        (b'{"metadata": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (json.dumps(TICKET | {"body": "x" * 2_000_000}).encode(), 413),
    ],
)
def test_a_body_that_is_not_a_ticket_is_refused(api, body, status):
    answer = api.post("/tickets", data=body, content_type="application/json")

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert api.count("tickets") == 0


@pytest.mark.parametrize(("size", "status"), [(2_000_000, 413), (1_000, 202)])
def test_a_chunked_body_has_the_same_limit(fuzzed, size, status):
    body = json.dumps(TICKET | {"body": "x" * size}).encode()

    answer = fuzzed.post(
        "/tickets",
        input_stream=BytesIO(body),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )

    assert answer.status_code == status


@pytest.mark.parametrize("declared", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_only_json_is_read(api, declared):
    answer = api.post("/tickets", data=json.dumps(TICKET), content_type=declared)

    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")


def test_a_wrong_method_is_told_the_right_ones(api):
    answer = api.call("DELETE", "/tickets")

    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_an_unknown_path_is_a_problem(api):
    answer = api.get("/no/such/path")

    assert (answer.status_code, answer.mimetype, answer.json["instance"]) == (
        404,
        "application/problem+json",
        "/no/such/path",
    )


@pytest.mark.parametrize(("sent", "kept"), [("abc-123", True), ("x" * 200, False), ("a b", False), ("", False)])
def test_a_request_id_is_echoed_when_it_is_sane(api, sent, kept):
    answer = api.get("/healthz", headers={"X-Request-ID": sent})

    assert (answer.headers["X-Request-ID"] == sent) is kept


def test_a_fault_of_ours_tells_where_to_look_and_nothing_else(sessions):
    def fail(tenant: str) -> None:
        raise RuntimeError("secret detail")

    answer = Served(sessions, knowledge=fail).get("/articles/search?q=x")

    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert "secret" not in answer.text


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=6,
)
FIELDS = ["subject", "body", "customer", "customer.email", "customer.name", "channel", "priority", "external_id"]
FIELDS += ["metadata", "not_before", "unknown"]
PARAMETERS = ["q", "cursor", "limit", "status", "customer", "external_id", "created_after", "created_before"]


def read_exactly(answer):
    return json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(FIELDS), value=ANY_JSON, key=st.none() | st.text(st.characters(max_codepoint=255)))
def test_no_ticket_makes_the_api_fail(fuzzed, field, value, key):
    outer, _, inner = field.partition(".")
    ticket = TICKET | {outer: {inner: value} if inner else value}
    headers = {"Idempotency-Key": key} if key and not set("\r\n") & set(key) else {}

    answer = fuzzed.post("/tickets", data=json.dumps(ticket), headers=headers, content_type="application/json")

    assert answer.status_code in {202, 400, 422}, answer.text
    if answer.status_code == 202:
        kept = fuzzed.get(answer.headers["Location"])
        # PostgreSQL writes the number 3e16 with all its digits: it is the same number.
        assert read_exactly(kept)["metadata"] == read_exactly(answer)["metadata"]


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(PARAMETERS),
    value=st.text(st.characters(codec="utf-8"), max_size=30)
    | st.datetimes(timezones=st.timezones()).map(lambda instant: instant.isoformat()),
)
def test_no_query_makes_the_api_fail(fuzzed, name, value):
    assert fuzzed.get("/tickets", query_string={name: value}).status_code in {200, 422}


def test_an_error_is_no_larger_than_what_it_is_about(empty):
    answer = empty.post("/tickets", json={f"{number}{'n' * 500}": 1 for number in range(1_800)})

    assert (answer.status_code, len(answer.json["errors"])) == (422, 50)
    assert len(answer.data) < 50_000


def test_the_longest_query_that_is_described_fits_into_a_request_line(empty):
    document = empty.get("/openapi.json").json
    for path, calls in document["paths"].items():
        for call in (each for each in calls.values() if isinstance(each, dict)):
            asked = [each for each in call.get("parameters", []) if each.get("in") == "query"]
            # Four bytes a character, each percent-encoded.
            longest = sum(len(each["name"]) + 2 + 12 * each["schema"].get("maxLength", 40) for each in asked)
            assert len(path) + longest < MAX_LINE_BYTES, path


def test_large_tickets_come_in_pages_that_can_be_sent(sessions):
    served = Served(sessions)
    for _ in range(12):
        served.submit(body="😀" * 100_000)
    sizes, seen, path = [], [], "/tickets?limit=200"
    while path:
        page = served.get(path)
        sizes.append(len(page.data))
        seen += [ticket["id"] for ticket in page.json["tickets"]]
        path = page.headers.get("Link", "").partition(">")[0].lstrip("<")

    assert (len(seen), len(set(seen)), len(sizes) > 1) == (12, 12, True)
    assert max(sizes) < 4.5 * 1024 * 1024
