"""Card and account numbers are starred wherever a caller can put them; the full run is in e2e."""

from uuid import UUID

import pytest

from tests.served import TICKET, Served
from ticketflow.settings import Settings
from ticketflow.storage.models import IdempotencyKey, Ticket

CARD = "4111 1111 1111 1111"
STARRED = "**** **** **** 1111"


def stored(api, ticket):
    with api.sessions() as session:
        return session.get_one(Ticket, UUID(ticket["id"]))


def test_a_number_is_starred_in_every_field_and_noted_as_an_entity(api):
    ticket = api.submit(
        subject=f"Card {CARD}",
        body=f"Hello,\nmy IBAN is DE89 3704 0044 0532 0130 00 and my card {CARD}.",
        customer={"name": f"Ada {CARD}", "email": "4111111111111111@mail.example"},
        channel=CARD,
        external_id=CARD,
        metadata={CARD: [CARD, 4111111111111111, {"n": 7, "ok": True}]},
    )
    api.finish(ticket["id"])

    shown = api.get(f"/tickets/{ticket['id']}").json
    assert shown["subject"] == f"Card {STARRED}"
    assert shown["body"] == f"Hello,\nmy IBAN is DE** **** **** **** **30 00 and my card {STARRED}."
    assert shown["customer"] == {"name": f"Ada {STARRED}", "email": "************1111@mail.example"}
    assert (shown["channel"], shown["external_id"]) == (STARRED, STARRED)
    assert shown["metadata"] == {STARRED: [STARRED, "************1111", {"n": 7, "ok": True}]}
    masked = [each for each in shown["entities"] if each["type"] in {"card", "iban"}]
    assert [(each["type"], each["field"], each["value"]) for each in masked] == [
        ("card", "subject", "************1111"),
        ("iban", "body", "DE****************3000"),
        ("card", "body", "************1111"),
    ]
    assert all(shown[each["field"]][each["start"] : each["end"]] == each["text"] for each in masked)


def test_a_fork_is_starred_too_and_forgets_what_its_new_text_does_not_hold(api):
    source = api.submit(subject="Card", body=f"My card is {CARD}")
    api.finish(source["id"])

    overrides = {"subject": f"Other card {CARD}", "body": "No card here", "team": CARD}
    fork = api.post(f"/tickets/{source['id']}/fork", json={"step": "draft", "overrides": overrides}).json

    assert (fork["subject"], fork["team"]) == (f"Other card {STARRED}", STARRED)
    assert [entity["field"] for entity in stored(api, fork).state["masked"]] == ["subject"]


def test_a_reason_is_starred(api):
    ticket = api.submit()

    api.post(f"/tickets/{ticket['id']}/cancel", json={"reason": f"paid with {CARD}"})

    events = api.get(f"/tickets/{ticket['id']}/events").json["events"]
    assert events[-1]["detail"] == {"reason": f"paid with {STARRED}"}


def test_a_number_is_searched_for_as_it_is_stored(api):
    ticket = api.submit(body=f"My card is {CARD}", external_id=CARD)

    by_words, by_id = (api.get("/tickets", query_string={name: CARD}).json["tickets"] for name in ("q", "external_id"))

    assert [each["id"] for each in by_words] == [each["id"] for each in by_id] == [ticket["id"]]


def test_an_idempotency_key_that_is_a_card_number_works_and_is_not_kept(api):
    first, again = (api.post("/tickets", json=TICKET, headers={"Idempotency-Key": CARD[:4] * 4}) for _ in range(2))
    number = "4111111111111111"
    one, two = (api.post("/tickets", json=TICKET, headers={"Idempotency-Key": number}) for _ in range(2))

    assert first.json["id"] == again.json["id"]
    assert one.json["id"] == two.json["id"] != first.json["id"]
    with api.sessions() as session:
        assert number not in {row.key for row in session.query(IdempotencyKey)}


def test_the_digest_of_a_request_does_not_hold_the_number(api):
    key = {"Idempotency-Key": "k-1"}
    other_digits = CARD.replace("4111 1111", "4242 4242").replace("1111 1111", "4242 1111")

    first = api.post("/tickets", json={**TICKET, "body": f"card {CARD}"}, headers=key)
    again = api.post("/tickets", json={**TICKET, "body": f"card {STARRED}"}, headers=key)
    other = api.post("/tickets", json={**TICKET, "body": f"cart {other_digits}"}, headers=key)

    assert first.json["id"] == again.json["id"]
    assert other.status_code == 422


@pytest.mark.parametrize(("given", "expected"), [({}, "Europe/Berlin"), ({"timezone": "Asia/Tokyo"}, "Asia/Tokyo")])
def test_a_ticket_without_a_time_zone_gets_the_settings_one(sessions, given, expected):
    api = Served(sessions, settings=Settings(dispatcher=False, timezone="Europe/Berlin"))

    assert stored(api, api.submit(**given)).state["timezone"] == expected
