"""People put right what the engine found out, over HTTP."""

import re

import pytest
from sqlalchemy import select

from tests.served import Served
from ticketflow.services.keys import create_key
from ticketflow.storage.models import Ticket
from ticketflow.workflow.state import PRIORITIES

ORDER = {"type": "order_id", "value": "10021", "field": "body", "start": 28, "end": 33}


@pytest.fixture
def completed(api) -> str:
    ticket_id = api.submit()["id"]
    api.finish(ticket_id)
    return f"/tickets/{ticket_id}"


@pytest.fixture
def failed(api) -> str:
    ticket_id = api.submit()["id"]
    api.fail(ticket_id)
    return f"/tickets/{ticket_id}"


def correct(api: Served, path: str, **body):
    return api.patch(path, json=body, headers={"If-Match": api.get(path).headers["ETag"]})


def test_a_corrected_ticket_goes_to_the_team_of_its_category(api, completed):
    before = api.get(completed).json

    answer = correct(api, completed, category="shipping", priority="urgent", note="It is about a parcel.")

    shown = api.get(completed).json
    teams = (shown["team"], shown["result"]["team"])
    assert (answer.status_code, answer.json, answer.headers["ETag"]) == (200, shown, f'"{before["version"] + 1}"')
    assert (shown["category"], shown["priority"], shown["status"]) == ("shipping", "urgent", "completed")
    assert teams == (teams[0],) * 2 != (before["team"],) * 2
    event = api.get(f"{completed}/events").json["events"][-1]
    assert (event["type"], event["detail"]["fields"]) == ("ticket.corrected", ["category", "priority"])
    with api.sessions() as session:
        assert session.scalar(select(Ticket.priority)) == PRIORITIES.index("urgent")


def test_facts_are_replaced_as_a_whole_and_take_their_words_from_the_ticket(api, completed):
    answer = correct(api, completed, entities=[ORDER | {"text": "whatever"}])
    emptied = correct(api, completed, entities=[])

    assert answer.json["entities"] == [ORDER | {"text": "10021"}]
    assert emptied.json["entities"] == []


def test_a_payment_number_in_a_corrected_fact_is_masked(api, completed):
    answer = correct(api, completed, entities=[ORDER | {"type": "card", "value": "4111111111111111"}])

    assert answer.json["entities"][0]["value"] == "************1111"
    assert "4111111" not in str(api.get("/corrections").json)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "$"),
        ({"note": "hm"}, "$"),
        ({"priority": "asap"}, "priority"),
        ({"category": ""}, "category"),
        ({"entities": [{"type": "order_id"}]}, "entities.0.value"),
        ({"entities": [ORDER | {"field": "title"}]}, "entities.0.field"),
        ({"sentiment": "positive"}, "sentiment"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_by_name(api, completed, body, field):
    answer = correct(api, completed, **body)

    assert (answer.status_code, field in {each["field"] for each in answer.json["errors"]}) == (422, True)


def test_a_category_nobody_knows_is_refused_and_those_there_are_are_named(api, completed):
    answer = correct(api, completed, category="shiping")
    fork = api.post(f"{completed}/fork", json={"step": "draft", "overrides": {"category": "shiping"}})

    assert (answer.status_code, fork.status_code) == (422, 422)
    assert answer.json["detail"].startswith("category: there is no category 'shiping'; choose one of ")
    assert fork.json["detail"].startswith("overrides.category: there is no category 'shiping'")
    assert "returns_refunds" in answer.json["detail"]


@pytest.mark.parametrize("place", [{"start": 30, "end": 99}, {"start": 5, "end": 5}, {"start": -1, "end": 2}])
def test_a_fact_that_is_not_in_the_ticket_is_refused(api, completed, place):
    answer = correct(api, completed, entities=[ORDER | place])

    assert (answer.status_code, "entities.0" in answer.json["detail"]) == (422, True)


def test_what_a_step_would_overwrite_cannot_be_corrected_yet(api):
    ticket = f"/tickets/{api.submit()['id']}"

    answers = [correct(api, ticket, **body) for body in ({"category": "shipping"}, {"entities": []})]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "step 'classify' has not finished" in answers[0].json["detail"]
    assert "step 'extract' has not finished" in answers[1].json["detail"]
    assert api.get("/corrections").json == {"corrections": []}


def test_a_correction_says_which_version_it_is_of(api, completed):
    missing = api.patch(completed, json={"priority": "low"})
    stale = api.patch(completed, json={"priority": "low"}, headers={"If-Match": '"1"'})

    assert (missing.status_code, stale.status_code) == (428, 412)


def test_a_correction_survives_the_steps_that_follow_and_a_rewind(api, failed):
    correct(api, failed, category="shipping")
    api.post(f"{failed}/retry")
    api.finish(failed.rpartition("/")[2])
    corrected = api.get(failed).json
    api.post(f"{failed}/rewind", json={"step": "draft"})
    rewound = api.get(failed).json
    fork = api.post(f"{failed}/fork", json={"step": "draft"}).json
    again = api.post(f"{failed}/rewind", json={"step": "classify"})

    assert (corrected["category"], corrected["result"]["team"]) == ("shipping", corrected["team"])
    assert (rewound["category"], rewound["team"]) == ("shipping", corrected["team"])
    assert (fork["category"], fork["team"]) == ("shipping", corrected["team"])
    assert again.json["category"] is None


def test_a_correction_of_a_waiting_ticket_leaves_it_waiting(api):
    ticket_id = api.submit()["id"]
    api.propose(ticket_id)
    before = api.get(f"/tickets/{ticket_id}").json

    after = correct(api, f"/tickets/{ticket_id}", priority="high").json

    assert (after["status"], after["approval"]) == ("awaiting_approval", before["approval"])


def test_corrections_are_listed_as_data_to_learn_from(api, completed):
    correct(api, completed, category="shipping", note="a parcel")
    correct(api, completed, priority="low")
    ticket_id = api.submit(subject="Login")["id"]
    api.propose(ticket_id)
    seen = {"If-Match": api.get(f"/tickets/{ticket_id}").headers["ETag"]}
    edit = {"action": "edit", "final_response": "Please call us."}
    assert api.post(f"/tickets/{ticket_id}/approval", json=edit, headers=seen).status_code == 202

    everything = api.get("/corrections").json["corrections"]
    (category,) = api.get("/corrections?field=category").json["corrections"]
    first = api.get("/corrections?limit=2")
    (next_page,) = re.findall(r"<(.+)>", first.headers["Link"])

    assert [each["field"] for each in everything] == ["final_response", "priority", "category"]
    assert (category["before"], category["after"], category["note"]) == ("account", "shipping", "a parcel")
    assert (everything[0]["subject"], everything[0]["after"]) == ("Login", "Please call us.")
    assert first.json["corrections"] + api.get(next_page).json["corrections"] == everything
    assert api.get("/corrections?since=2999-01-01T00:00:00Z").json == {"corrections": []}


def test_nobody_sees_or_makes_corrections_of_others(api, completed):
    correct(api, completed, category="shipping")
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'elsewhere')}", "If-Match": '"1"'}

    assert api.get("/corrections", headers=other).json == {"corrections": []}
    assert api.patch(completed, json={"priority": "low"}, headers=other).status_code == 404


def test_a_fork_s_team_follows_its_category(api, completed):
    override = {"category": "shipping"}
    fork = api.post(f"{completed}/fork", json={"step": "draft", "overrides": override}).json
    named = api.post(f"{completed}/fork", json={"step": "draft", "overrides": override | {"team": "Night shift"}}).json

    corrected = correct(api, completed, category="shipping").json
    assert (fork["team"], named["team"]) == (corrected["team"], "Night shift")
