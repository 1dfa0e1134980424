"""What people do to a ticket, over HTTP."""

import pytest

from tests.served import Served
from ticketflow.services.keys import create_key

NOWHERE = "/tickets/018f6f2e-0000-7000-8000-000000000001"
CALLS = {"cancel": {}, "retry": {}, "rewind": {"step": "classify"}, "fork": {"step": "classify"}}


@pytest.fixture
def failed(api) -> str:
    ticket_id = api.submit()["id"]
    api.fail(ticket_id)
    return f"/tickets/{ticket_id}"


@pytest.fixture
def completed(api) -> str:
    ticket_id = api.submit(priority="low", customer={"email": "ada@example.com", "name": "Ada"})["id"]
    api.finish(ticket_id)
    return f"/tickets/{ticket_id}"


def read_types(api: Served, path: str) -> list[str]:
    return [event["type"] for event in api.get(f"{path}/events").json["events"]]


def test_a_cancelled_ticket_says_why_and_wakes_nobody(api, failed):
    wakes = api.wakes

    answer = api.post(f"{failed}/cancel", json={"reason": "sent by mistake"})

    assert (answer.status_code, answer.json["status"]) == (202, "cancelled")
    assert api.get(f"{failed}/events").json["events"][-1]["detail"] == {"reason": "sent by mistake"}
    assert (api.get(failed).json, api.wakes) == (answer.json, wakes)


@pytest.mark.parametrize("how", [{}, {"data": b"", "content_type": "application/json"}, {"json": {}}])
def test_a_reason_may_be_left_out(api, failed, how):
    assert api.post(f"{failed}/cancel", **how).json["status"] == "cancelled"


def test_a_retried_ticket_goes_on_where_it_failed(api, failed):
    error, wakes = api.get(failed).json["error"], api.wakes

    answer = api.post(f"{failed}/retry")
    api.finish(answer.json["id"])

    assert (error["class"], error["step"], error["attempt"]) == ("PermanentError", "research", 1)
    assert error["traceback"][-1].endswith(" search")
    assert (answer.status_code, answer.json["current_step"], answer.json["error"]) == (202, "research", None)
    assert api.get(failed).json["status"] == "completed"
    assert [step["attempts"] for step in api.get(f"{failed}/steps").json["steps"]] == [1] * 6
    assert api.wakes == wakes + 1


def test_a_rewound_ticket_does_again_what_follows(api, completed):
    answer = api.post(f"{completed}/rewind", json={"step": "review"})
    wakes = api.wakes
    api.finish(answer.json["id"])

    steps = api.get(f"{completed}/steps").json["steps"]
    assert (answer.status_code, answer.json["status"], answer.json["current_step"]) == (202, "queued", "review")
    assert [(step["step"], step["round"]) for step in steps if step["superseded_at"]] == [
        ("review", 1),
        ("finalize", 1),
    ]
    assert [(step["step"], step["round"]) for step in steps][-2:] == [("review", 2), ("finalize", 2)]
    assert wakes == 2


def test_a_fork_is_a_new_ticket_with_what_was_changed(api, completed):
    changes = {"customer": {"name": "Eve"}, "channel": "chat", "category": "payments_billing", "team": "Billing"}

    answer = api.post(f"{completed}/fork", json={"step": "draft", "overrides": changes})
    api.finish(answer.json["id"])

    fork, old = api.get(answer.headers["Location"]).json, api.get(completed).json
    assert (answer.status_code, fork["forked_from"], fork["status"]) == (202, old["id"], "completed")
    assert (fork["customer"], fork["channel"]) == ({"email": "ada@example.com", "name": "Eve"}, "chat")
    assert (fork["category"], fork["result"]["team"], old["category"]) == ("payments_billing", "Billing", "account")
    assert read_types(api, completed)[-1] == "ticket.forked"


@pytest.mark.parametrize(("step", "when"), [("draft", "now"), ("classify", "when it is classified")])
def test_a_fork_s_priority_holds_at_once(api, completed, step, when):
    answer = api.post(f"{completed}/fork", json={"step": step, "overrides": {"priority": "urgent"}})
    api.finish(answer.json["id"])

    assert answer.json["priority"] == api.get(answer.headers["Location"]).json["priority"] == "urgent"


def test_a_fork_sent_again_with_its_key_is_one_fork(api, completed):
    key = {"Idempotency-Key": "k-1"}

    first, again = (api.post(f"{completed}/fork", json={"step": "draft"}, headers=key) for _ in range(2))
    other = api.post(f"{completed}/fork", json={"step": "review"}, headers=key)

    assert (again.json, again.headers["Location"]) == (first.json, first.headers["Location"])
    assert (again.headers["Idempotency-Replayed"], other.status_code, api.count("tickets")) == ("true", 422, 2)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"subject": ""}, "overrides.subject"),
        ({"subject": None}, "overrides.subject"),
        ({"customer": {"email": "x"}}, "overrides.customer.email"),
        ({"priority": "asap"}, "overrides.priority"),
        ({"language": "english"}, "overrides.language"),
        ({"status": "completed"}, "overrides.status"),
    ],
)
def test_an_override_that_does_not_fit_is_refused_by_name(api, completed, overrides, field):
    answer = api.post(f"{completed}/fork", json={"step": "draft", "overrides": overrides})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_an_override_that_the_fork_finds_out_by_itself_is_refused(api, completed):
    answer = api.post(f"{completed}/fork", json={"step": "classify", "overrides": {"team": "Billing"}})

    assert (answer.status_code, api.count("tickets")) == (422, 1)
    assert answer.json["detail"].startswith("overrides.team: no step before 'classify' finds it out")


@pytest.mark.parametrize("name", ["rewind", "fork"])
def test_a_step_that_does_not_exist_is_refused_and_those_that_do_are_named(api, completed, name):
    answer = api.post(f"{completed}/{name}", json={"step": "clasify"})

    assert answer.status_code == 422
    assert "classify, extract, research, draft, review, finalize" in answer.json["detail"]


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_what_a_completed_ticket_does_not_allow_is_a_conflict(api, completed, name):
    answer = api.post(f"{completed}/{name}")

    assert (answer.status_code, answer.json["type"]) == (409, "/problems/conflict")
    assert "completed" in answer.json["detail"]


@pytest.mark.parametrize("name", ["rewind", "fork"])
def test_a_step_the_ticket_has_not_come_to_is_a_conflict(api, failed, name):
    assert api.post(f"{failed}/{name}", json={"step": "finalize"}).status_code == 409


@pytest.mark.parametrize(("name", "body"), CALLS.items())
def test_whoever_saw_another_version_is_refused(api, failed, name, body):
    seen = api.get(failed).headers["ETag"]

    stale = api.post(f"{failed}/{name}", json=body, headers={"If-Match": '"1"'})
    current = api.post(f"{failed}/{name}", json=body, headers={"If-Match": seen})

    assert (stale.status_code, current.status_code) == (412, 202)
    assert api.get(f"/tickets/{current.json['id']}").headers["ETag"] == current.headers["ETag"]


@pytest.mark.parametrize(("name", "body"), CALLS.items())
def test_nobody_touches_what_is_not_theirs(api, failed, name, body):
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'elsewhere')}"}

    assert api.post(f"{failed}/{name}", json=body, headers=other).status_code == 404
    assert api.post(f"{NOWHERE}/{name}", json=body).status_code == 404


def test_a_pause_is_set_listed_and_lifted(api):
    paused = api.put("/pauses/draft", json={"reason": "the model is down"})
    listed = api.get("/pauses").json
    lifted = api.delete("/pauses/draft")

    assert (paused.status_code, paused.json["step"], paused.json["reason"]) == (200, "draft", "the model is down")
    assert listed == {"pauses": [paused.json]}
    assert (lifted.status_code, api.wakes, api.get("/pauses").json) == (204, 1, {"pauses": []})


def test_a_pause_set_again_has_the_new_reason(api):
    first, again = api.put("/pauses/all", json={"reason": "one"}), api.put("/pauses/all")

    assert api.get("/pauses").json == {"pauses": [again.json]} == {"pauses": [first.json | {"reason": None}]}


def test_a_pause_holds_and_shows_only_the_caller_s_own_tickets(api):
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'elsewhere')}"}

    assert api.put("/pauses/all").json["tenant"] == "default"
    assert api.get("/pauses", headers=other).json == {"pauses": []}
    assert api.delete("/pauses/all", headers=other).status_code == 404


def test_what_is_not_paused_cannot_be_resumed(api):
    answer = api.delete("/pauses/draft")

    assert (answer.status_code, answer.json["detail"], api.wakes) == (404, "you have not paused draft", 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_a_step_can_be_paused_or_resumed(api, method):
    answer = api.call(method, "/pauses/clasify")

    assert (answer.status_code, "choose all or one of classify" in answer.json["detail"]) == (422, True)
