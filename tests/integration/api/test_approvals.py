"""A person decides about a draft, over HTTP."""

import pytest

from tests.served import Served
from ticketflow.services.keys import create_key

EDIT = {"action": "edit", "final_response": "Please call us."}


@pytest.fixture
def awaiting(api) -> str:
    ticket_id = api.submit()["id"]
    api.propose(ticket_id)
    return f"/tickets/{ticket_id}"


def decide(api: Served, path: str, **body):
    return api.post(f"{path}/approval", json=body, headers={"If-Match": api.get(path).headers["ETag"]})


def test_a_draft_can_be_read_before_anybody_has_approved_it(api, awaiting):
    shown = api.get(awaiting).json
    listed = [ticket["id"] for ticket in api.get("/tickets?status=awaiting_approval").json["tickets"]]

    assert (shown["final_response"], shown["result"]) == (None, None)
    assert "sign-in page" in shown["draft"]
    assert shown["citations"]
    assert shown["review"] | {"completeness": 1, "answer_confidence": 1, "scores": None} == {
        "verdict": "approve",
        "completeness": 1,
        "answer_confidence": 1,
        "scores": None,
        "revision": 1,
        "problems": [],
        "approval": "wanted",
    }
    assert set(shown["review"]["scores"]) == {"grounding", "completeness", "tone"}
    assert (shown["approval"]["reasons"], shown["approval"]["default_action"]) == (["always"], "route")
    assert shown["approval"]["requested_at"] < shown["approval"]["expires_at"]
    assert listed == [shown["id"]]
    assert [event["type"] for event in api.get(f"{awaiting}/events").json["events"]][-1] == "approval.requested"


@pytest.mark.parametrize(("team", "count"), [("Accounts", 1), ("Billing", 0)])
def test_drafts_are_listed_by_team(api, awaiting, team, count):
    found = api.get("/tickets", query_string={"status": "awaiting_approval", "team": team}).json["tickets"]

    assert len(found) == count


@pytest.mark.parametrize(
    ("body", "resolution", "response"),
    [
        ({"action": "accept"}, "answered", "Hello,\n\nOpen the sign-in page to reset your password.\n\nBye"),
        (EDIT, "answered", "Please call us."),
        ({"action": "ignore"}, "ignored", None),
    ],
)
def test_what_a_person_decides_is_what_happens(api, awaiting, body, resolution, response):
    wakes = api.wakes

    answer = decide(api, awaiting, **body)
    api.finish(answer.json["id"])

    shown = api.get(awaiting).json
    assert (answer.status_code, answer.json["status"], answer.json["approval"]) == (202, "queued", None)
    assert (shown["status"], shown["final_response"]) == ("completed", response)
    assert (shown["result"]["resolution"], shown["result"]["decided_by"]) == (resolution, "person")
    assert api.wakes == wakes + 1


def test_a_rejected_draft_comes_back_as_another_one(api, awaiting):
    draft = api.get(awaiting).json["draft"]

    answer = decide(api, awaiting, action="reject", note="It must name our phone number.")
    api.propose(answer.json["id"])

    shown = api.get(awaiting).json
    given = next(event for event in api.get(f"{awaiting}/events").json["events"] if event["type"] == "approval.given")
    assert (answer.json["status"], answer.json["current_step"]) == ("queued", "draft")
    assert (shown["review"]["revision"], shown["approval"]["reasons"]) == (2, ["rejected", "always"])
    assert shown["draft"] != draft
    assert (given["detail"]["action"], given["detail"]["note"]) == ("reject", "It must name our phone number.")


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
def test_nobody_decides_without_saying_what_they_saw(api, awaiting, headers):
    answer = api.post(f"{awaiting}/approval", json={"action": "accept"}, headers=headers)

    assert (answer.status_code, answer.mimetype) == (428, "application/problem+json")
    assert "If-Match" in answer.json["detail"]


@pytest.mark.parametrize("tag", ['""', '"x"', f'"{"9" * 5000}"'])
def test_a_version_that_cannot_be_is_not_the_tickets(api, awaiting, tag):
    answer = api.post(f"{awaiting}/approval", json={"action": "accept"}, headers={"If-Match": tag})

    assert (answer.status_code, answer.json["type"]) == (412, "/problems/version-conflict")


def test_the_second_of_two_decisions_is_refused(api, awaiting):
    seen = api.get(awaiting).headers["ETag"]

    first, second = (
        api.post(f"{awaiting}/approval", json={"action": action}, headers={"If-Match": seen})
        for action in ("accept", "ignore")
    )

    assert (first.status_code, second.status_code) == (202, 412)
    assert decide(api, awaiting, action="ignore").status_code == 409


def test_a_decision_sent_again_with_its_key_is_answered_the_same(api, awaiting):
    headers = {"If-Match": api.get(awaiting).headers["ETag"], "Idempotency-Key": "k-1"}

    first, again = (api.post(f"{awaiting}/approval", json={"action": "accept"}, headers=headers) for _ in range(2))
    other = api.post(f"{awaiting}/approval", json={"action": "ignore"}, headers=headers)

    assert (again.status_code, again.json, again.headers["ETag"]) == (202, first.json, first.headers["ETag"])
    assert (again.headers["Idempotency-Replayed"], other.status_code) == ("true", 422)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "approve"}, "action"),
        ({"action": "route"}, "action"),
        ({"action": "edit"}, "final_response"),
        ({"action": "edit", "final_response": " "}, "final_response"),
        ({"action": "accept", "final_response": "Hello"}, "final_response"),
        ({"action": "reject", "note": ""}, "note"),
        ({"action": "ignore", "reason": "spam"}, "reason"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_by_name(api, awaiting, body, field):
    answer = decide(api, awaiting, **body)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert api.get(awaiting).json["status"] == "awaiting_approval"


def test_a_card_number_is_kept_out_of_an_edit(api, awaiting):
    answer = decide(api, awaiting, action="edit", final_response="Your card 4111 1111 1111 1111 is blocked.")

    assert (answer.status_code, "4111" in answer.text) == (422, False)
    assert answer.json["detail"].startswith("final_response: ")


def test_nobody_decides_what_is_not_theirs(api, awaiting):
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'elsewhere')}", "If-Match": '"1"'}

    assert api.post(f"{awaiting}/approval", json={"action": "accept"}, headers=other).status_code == 404


def test_a_ticket_that_waits_for_a_person_is_not_waited_for(api, awaiting):
    assert api.get(f"{awaiting}?wait=0.01").json["status"] == "awaiting_approval"
