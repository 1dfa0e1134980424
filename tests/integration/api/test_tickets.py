"""Tickets over HTTP: accepted once, followed, listed in pages."""

import re
import threading
import time

import pytest
from sqlalchemy import text

from tests.harness.wait import wait_until
from tests.served import TICKET, Served
from ticketflow.api import event_stream
from ticketflow.api.seats import Seats
from ticketflow.services.keys import create_key
from ticketflow.workflow.state import DEFAULT_TENANT

KEY = {"Idempotency-Key": '"k-1"'}
NOWHERE = "/tickets/018f6f2e-0000-7000-8000-000000000001"


def test_a_ticket_is_accepted_stored_and_a_dispatcher_woken(api):
    answer = api.post(
        "/tickets", json=TICKET | {"customer": {"email": "ada@example.com"}, "metadata": {"a": [1, None]}}
    )

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/tickets/{answer.json['id']}"
    assert (answer.json["status"], answer.json["customer"]["email"]) == ("queued", "ada@example.com")
    assert api.get(answer.headers["Location"]).json == answer.json
    assert api.wakes == 1


def test_null_means_left_out(api):
    optional = ("customer", "channel", "priority", "external_id", "metadata", "not_before")

    ticket = api.submit(**dict.fromkeys(optional))

    assert (ticket["priority"], ticket["metadata"], ticket["customer"]["name"]) == ("normal", {}, None)


def test_fifty_posts_at_once_with_one_key_make_one_ticket(api):
    answers, start = [], threading.Barrier(50)

    def post() -> None:
        start.wait()
        answers.append(api.post("/tickets", json=TICKET, headers=KEY))

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.data for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count("true") == 49
    assert (api.count("tickets"), api.count("ticket_events"), api.wakes) == (1, 1, 1)


def test_a_key_with_another_payload_is_refused(api):
    api.post("/tickets", json=TICKET, headers=KEY)

    answer = api.post("/tickets", json=TICKET | {"subject": "Another"}, headers=KEY)

    assert (answer.status_code, answer.json["type"]) == (422, "/problems/idempotency-mismatch")
    assert api.count("tickets") == 1


def test_a_payload_that_means_the_same_is_the_same_payload(api):
    first = api.post("/tickets", json=TICKET | {"not_before": "2026-01-01T00:00:00+02:00"}, headers=KEY)
    spelled_otherwise = {**dict(reversed(TICKET.items())), "not_before": "2025-12-31T22:00:00Z", "channel": None}

    again = api.post("/tickets", json=spelled_otherwise, headers={"Idempotency-Key": "k-1"})

    assert (again.status_code, again.data) == (202, first.data)


def test_keys_of_different_callers_never_meet(api):
    first = api.post("/tickets", json=TICKET, headers=KEY)
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', DEFAULT_TENANT)}"}

    second = api.post("/tickets", json=TICKET | {"subject": "Another"}, headers=KEY | other)

    assert (second.status_code, second.json["id"] != first.json["id"]) == (202, True)


def test_a_key_whose_first_request_still_runs_is_told_to_come_back(api):
    reserve = text(
        "INSERT INTO idempotency_keys (tenant, caller, key, request_sha256) VALUES ('default', :caller, 'k-1', '')"
    )
    with api.sessions() as running:
        running.execute(reserve, {"caller": api.key.split("_")[1]})

        answer = api.post("/tickets", json=TICKET, headers=KEY)

    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert answer.json["type"] == "/problems/idempotency-conflict"


@pytest.mark.parametrize("key", ["", '""', '"', "two words", '"open', "x" * 256, "é"])
def test_a_malformed_key_is_refused(empty, key):
    answer = empty.post("/tickets", json=TICKET, headers={"Idempotency-Key": key})

    assert (answer.status_code, empty.count("tickets")) == (400, 0)


def test_pages_show_every_ticket_once_newest_first(api):
    sent = [api.submit(external_id=str(number))["id"] for number in range(5)]
    shown, path = [], "/tickets?limit=2"
    while path:
        page = api.get(path)
        shown.append([ticket["id"] for ticket in page.json["tickets"]])
        path = page.headers.get("Link", "").partition(">")[0].lstrip("<")

    assert [len(page) for page in shown] == [2, 2, 1]
    assert [ticket for page in shown for ticket in page] == sent[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=queued", 2),
        ("status=completed", 0),
        ("category=billing", 0),
        ("priority=urgent", 1),
        ("channel=chat", 1),
        ("customer=ada@example.com", 1),
        ("external_id=crm-1", 1),
        ("q=PRINTER%20fire", 1),
        ("created_after=2020-01-01T00:00:00Z", 2),
        ("created_before=2020-01-01T00:00:00%2B02:00", 0),
    ],
)
def test_a_list_is_narrowed_by(api, query, found):
    api.submit()
    api.submit(
        subject="Printer on fire",
        priority="urgent",
        channel="chat",
        external_id="crm-1",
        customer={"email": "ada@example.com"},
    )

    assert len(api.get(f"/tickets?{query}").json["tickets"]) == found


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=x", "status=lost", "q=%00", "created_after=2026-01-01", "stauts=x"],
)
def test_a_query_that_does_not_fit_is_refused_by_name(empty, query):
    answer = empty.get(f"/tickets?{query}")

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_a_wait_ends_when_the_ticket_does(api):
    ticket_id = api.submit()["id"]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(api.get(f"/tickets/{ticket_id}?wait=30")))
    waiting.start()

    api.finish(ticket_id)
    waiting.join(10)

    assert answers[0].json["status"] == "completed"


def test_a_wait_in_vain_shows_the_ticket_as_it_stands(api):
    ticket_id, started = api.submit()["id"], time.monotonic()

    assert api.get(f"/tickets/{ticket_id}?wait=0.2").json["status"] == "queued"
    assert 0.2 <= time.monotonic() - started < 5


def test_waiting_never_takes_the_last_thread(sessions):
    api = Served(sessions, seats=Seats(0))
    ticket_id = api.submit()["id"]

    assert api.get(f"/tickets/{ticket_id}?wait=60").json["status"] == "queued"


def test_a_version_the_caller_has_is_not_sent_again(api):
    ticket_id = api.submit()["id"]
    etag = api.get(f"/tickets/{ticket_id}").headers["ETag"]

    known = api.get(f"/tickets/{ticket_id}", headers={"If-None-Match": etag})
    api.finish(ticket_id)
    newer = api.get(f"/tickets/{ticket_id}", headers={"If-None-Match": etag})

    assert (etag, known.status_code, known.data, known.headers["ETag"]) == ('"1"', 304, b"", etag)
    assert (newer.status_code, newer.headers["ETag"]) == (200, '"7"')


def test_a_trail_is_read_in_pages_and_the_ledger_whole(api):
    ticket_id = api.submit()["id"]
    api.finish(ticket_id)

    first = api.get(f"/tickets/{ticket_id}/events?limit=3")
    rest = api.get(first.headers["Link"].partition(">")[0].lstrip("<").replace("limit=3", "limit=200"))
    steps = api.get(f"/tickets/{ticket_id}/steps").json["steps"]

    types = [event["type"] for event in first.json["events"] + rest.json["events"]]
    assert (len(first.json["events"]), types[0], types[-1]) == (3, "ticket.received", "ticket.completed")
    assert "Link" not in rest.headers
    assert [step["step"] for step in steps] == ["classify", "extract", "research", "draft", "review", "finalize"]


def test_a_stream_shows_events_as_they_happen_until_the_ticket_ends(api):
    ticket_id, chunks = api.submit()["id"], []
    stream = api.get(f"/tickets/{ticket_id}/events", headers={"Accept": "text/event-stream"}, buffered=False)
    reader = threading.Thread(target=lambda: chunks.extend(stream.iter_encoded()))
    reader.start()
    wait_until(lambda: any(b"event: ticket.received" in chunk for chunk in chunks))

    api.finish(ticket_id)
    reader.join(10)

    last = chunks[-1].decode().splitlines()
    assert (stream.mimetype, last[1]) == ("text/event-stream", "event: ticket.completed")
    resumed = {"Accept": "text/event-stream", "Last-Event-ID": last[0].removeprefix("id: ")}
    assert api.get(f"/tickets/{ticket_id}/events", headers=resumed).status_code == 204


def test_who_comes_back_to_the_stream_of_an_ended_ticket_gets_the_rest_of_it(api, monkeypatch):
    ticket_id = api.submit()["id"]
    api.finish(ticket_id)
    known = [event["id"] for event in api.get(f"/tickets/{ticket_id}/events").json["events"]]

    def stream(after="", **headers):
        path, streamed = f"/tickets/{ticket_id}/events{after}", {"Accept": "text/event-stream", **headers}
        answer = api.get(path, headers=streamed)
        return answer.status_code, [int(each) for each in re.findall(r"^id: (\d+)$", answer.text, re.MULTILINE)]

    assert stream(**{"Last-Event-ID": str(known[2])}) == (200, known[3:])
    assert stream(after=f"?after={known[0]}", **{"Last-Event-ID": str(known[-2])}) == (200, known[-1:])
    assert stream(after=f"?after={known[-1]}") == (200, [])
    assert stream() == (200, known)
    monkeypatch.setattr(event_stream, "PAGE", 2)
    monkeypatch.setattr(event_stream, "POLL_S", 0)
    assert stream() == (200, known)


@pytest.mark.parametrize("path", [NOWHERE, f"{NOWHERE}/events", f"{NOWHERE}/steps", "/tickets/x", "/tickets/1/steps"])
def test_what_does_not_exist_is_not_found(empty, path):
    answer = empty.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
