"""Webhooks from the command line."""

import json
from datetime import timedelta

import pytest

from tests.harness.wait import wait_until
from tests.receiver import receiving
from ticketflow.adapters.webhook_post import WebhookPost
from ticketflow.services.deliver_webhook import DeliveryLimits
from ticketflow.storage.webhook_deliveries import RetryPolicy
from ticketflow.tasks.deliverer import Deliverer

A_DAY = timedelta(days=1)


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def deliverer(sessions):
    limits = DeliveryLimits(timedelta(seconds=5), RetryPolicy(A_DAY, A_DAY), A_DAY)
    deliverer = Deliverer(sessions, WebhookPost(5, allow_private=True), limits, poll_interval_s=0.05)
    deliverer.start()
    yield deliverer
    deliverer.stop()


@pytest.fixture
def served_privately(served, monkeypatch):
    """Let addresses of this machine be registered."""
    backend = served.app.extensions["ticketflow"]
    settings = backend.settings.model_copy(update={"webhook_allow_private": True})
    monkeypatch.setitem(served.app.extensions, "ticketflow", type(backend)(**_parts(backend) | {"settings": settings}))
    return served


def _parts(backend) -> dict:
    return {name: getattr(backend, name) for name in type(backend).__dataclass_fields__}


def test_an_endpoint_is_added_tried_looked_after_and_removed(run, served_privately, receiver, deliverer):
    added = json.loads(run("webhooks", "add", receiver.url, "--event", "ticket.completed", "--json").stdout)
    tried = run("webhooks", "test", added["id"])
    ticket_id = served_privately.submit()["id"]
    list_delivered = ("webhooks", "deliveries", added["id"], "--status", "delivered", "--json")
    wait_until(lambda: [json.loads(line) for line in run(*list_delivered).stdout.splitlines()][1:])
    delivered = json.loads(run(*list_delivered, "--limit", "1").stdout)
    again = run("webhooks", "redeliver", added["id"], delivered["id"])
    listed = run("webhooks", "list")
    removed = run("webhooks", "remove", added["id"])

    assert (tried.exit_code, "delivered  1 attempt  webhook.test" in tried.stdout) == (0, True)
    assert receiver.received[0].is_signed_with(added["secret"])
    assert delivered["ticket_id"] == ticket_id
    assert again.exit_code == 0
    assert [word in listed.stdout for word in ("good", "ticket.completed", receiver.url)] == [True] * 3
    assert removed.stdout == f"{added['id']} is deleted\n"
    assert run("webhooks", "list").stderr.startswith("there are no webhooks; `ticketflow webhooks add")


def test_an_endpoint_that_does_not_take_the_test_is_exit_code_1(run, served_privately, receiver, deliverer):
    receiver.answers = [500]
    added = json.loads(run("webhooks", "add", receiver.url, "--json").stdout)

    tried = run("webhooks", "test", added["id"])

    assert (tried.exit_code, "the answer was 500" in tried.stdout) == (1, True)
    assert "failing since" in run("webhooks", "list").stdout


def test_secrets_are_shown_once_and_endpoints_switched_off_and_on(run, served_privately, receiver):
    added = run("webhooks", "add", receiver.url, "--description", "the shop")
    webhook_id, secret = added.stdout.split()
    rotated = run("webhooks", "rotate-secret", webhook_id)
    off, on = run("webhooks", "disable", webhook_id), run("webhooks", "enable", webhook_id)

    assert (secret.startswith("whsec_"), "cannot be shown again" in added.stderr) == (True, True)
    assert rotated.stdout.startswith(f"{webhook_id}  whsec_")
    assert secret not in rotated.stdout + run("webhooks", "list", "--json").stdout
    assert off.stdout.split()[1] == "disabled"
    assert on.stdout.split()[1] == "good"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["add", "ftp://shop.example/"], 2, "url: send one that starts with https://"),
        (["add", "https://ada:pw@shop.example/"], 2, "without user, password and fragment"),
        (["add", "http://127.0.0.1:1/"], 2, "not a public address, and TICKETFLOW_WEBHOOK_ALLOW_PRIVATE is off"),
        (["add", "http://localhost:1/"], 2, "not a public address"),
        (["add", "https://shop.example/", "--event", "ticket.lost"], 2, "is not one of"),
        (["test", "018f6f2e-0000-7000-8000-000000000001"], 1, "no webhook 018f6f2e"),
        (["remove", "nobody"], 2, "is not a valid UUID"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, served, args, code, message):
    result = run("webhooks", *args)

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert message in result.stderr
