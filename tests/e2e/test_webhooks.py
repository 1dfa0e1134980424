"""A ticket ends, and somebody else's server hears of it."""

from tests.harness.wait import wait_until
from tests.receiver import receiving

REQUEST_ID = "webhook-end-to-end"


def test_the_request_that_opened_a_ticket_is_named_in_its_webhook(system):
    with receiving() as receiver:
        new = {"url": receiver.url, "events": ["ticket.completed"]}
        webhook = system.client.post("/webhooks", json=new).raise_for_status().json()
        try:
            sent = system.client.post(
                "/tickets", json={"subject": "Hello", "body": "Anybody?"}, headers={"X-Request-ID": REQUEST_ID}
            )
            ticket = system.wait(sent.raise_for_status().json()["id"])
            (received,) = wait_until(lambda: [each for each in receiver.received if is_of(each, ticket)])
        finally:
            system.client.delete(f"/webhooks/{webhook['id']}").raise_for_status()

    assert received.is_signed_with(webhook["secret"])
    assert received.headers["x-request-id"] == REQUEST_ID
    assert received.message["data"]["version"] == ticket["version"]
    assert received.message["data"]["resolution"] == ticket["result"]["resolution"]


def is_of(received, ticket) -> bool:
    return received.message["data"]["ticket_id"] == ticket["id"]
