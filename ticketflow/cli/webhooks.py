"""``ticketflow webhooks``: who is told when a ticket ends or waits for a person."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from ticketflow.cli.client import ApiClient, open_client
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, say
from ticketflow.workflow.events import WEBHOOK_EVENTS

STATUSES = ("pending", "sending", "delivered", "failed")
LOOK_S = 0.25

_id = click.argument("webhook_id", metavar="ID", type=click.UUID)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_events = click.Choice(list(WEBHOOK_EVENTS.values()))
_event = click.option("--event", "events", type=_events, multiple=True, help="What to tell it of; may be repeated.")


@click.group()
def webhooks() -> None:
    """Tell other systems over HTTP when a ticket ends, or waits for a person."""


@webhooks.command()
@click.argument("url")
@_event
@click.option("--description", help="For the people who look at the list.")
@_json
def add(url: str, events: Sequence[str], description: str | None, as_json: bool) -> None:
    """Register URL and print the secret its deliveries are signed with, this once.

    Without --event it is told of everything.
    """
    with open_client() as client:
        webhook = client.add_webhook(
            {"url": url, "description": description} | ({"events": list(events)} if events else {})
        )
    _print_secret(webhook, as_json=as_json)


@webhooks.command("list")
@_json
def list_(as_json: bool) -> None:
    """List the endpoints and how they do."""
    with open_client() as client:
        found = client.list_webhooks()
    for webhook in found:
        if as_json:
            print_json(webhook)
        else:
            print_line(f"{webhook['id']}  {_health(webhook)}  {webhook['url']}  {', '.join(webhook['events'])}")
    if not (found or as_json):
        say("there are no webhooks; `ticketflow webhooks add URL` makes one")


@webhooks.command()
@_id
@click.option("--timeout", "timeout_s", type=click.FloatRange(0), default=15, show_default=True, metavar="SECONDS")
@_json
def test(webhook_id: UUID, timeout_s: float, as_json: bool) -> None:
    """Send an endpoint a webhook.test and say what came of it.

    Exit code 1 if it was not taken in time; it is tried again as any other delivery.
    """
    with open_client() as client:
        delivery = _follow(client, webhook_id, client.test_webhook(webhook_id), timeout_s)
    _print_delivery(delivery, as_json=as_json)
    if delivery["status"] != "delivered":
        raise click.exceptions.Exit(FAILED)


@webhooks.command()
@_id
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most.")
@_json
def deliveries(webhook_id: UUID, status: str | None, limit: int, as_json: bool) -> None:
    """List what was sent to an endpoint, newest first."""
    with open_client() as client:
        found = client.list_deliveries(webhook_id, limit, status)
    for delivery in found:
        _print_delivery(delivery, as_json=as_json)
    if not (found or as_json):
        say("there are no such deliveries")


@webhooks.command()
@_id
@click.argument("delivery_id", metavar="DELIVERY", type=click.UUID)
@_json
def redeliver(webhook_id: UUID, delivery_id: UUID, as_json: bool) -> None:
    """Send a delivery again at once, under the same id, whatever became of it."""
    with open_client() as client:
        _print_delivery(client.redeliver(webhook_id, delivery_id), as_json=as_json)


@webhooks.command()
@_id
@_json
def enable(webhook_id: UUID, as_json: bool) -> None:
    """Switch an endpoint on; what has waited for it is sent now."""
    _change(webhook_id, {"enabled": True}, as_json=as_json)


@webhooks.command()
@_id
@_json
def disable(webhook_id: UUID, as_json: bool) -> None:
    """Switch an endpoint off; what waits for it stays, what happens meanwhile is not kept for it."""
    _change(webhook_id, {"enabled": False}, as_json=as_json)


@webhooks.command("rotate-secret")
@_id
@_json
def rotate_secret(webhook_id: UUID, as_json: bool) -> None:
    """Make a new secret and print it, this once; the old one is good for another day."""
    with open_client() as client:
        _print_secret(client.rotate_webhook_secret(webhook_id), as_json=as_json)


@webhooks.command()
@_id
def remove(webhook_id: UUID) -> None:
    """Delete an endpoint and its deliveries; what waits is not sent any more."""
    with open_client() as client:
        client.remove_webhook(webhook_id)
    print_line(f"{webhook_id} is deleted")


def _change(webhook_id: UUID, change: dict[str, Any], *, as_json: bool) -> None:
    with open_client() as client:
        webhook = client.change_webhook(webhook_id, change)
    if as_json:
        print_json(webhook)
    else:
        print_line(f"{webhook['id']}  {_health(webhook)}  {webhook['url']}")


def _follow(client: ApiClient, webhook_id: UUID, delivery: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Wait for the end of a delivery's first attempt."""
    deadline = time.monotonic() + timeout_s
    while delivery["status"] != "delivered" and not delivery["error"] and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        delivery = client.get_delivery(webhook_id, delivery["id"])
    return delivery


def _print_secret(webhook: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
        return
    print_line(f"{webhook['id']}  {webhook['secret']}")
    say("keep the secret safe: it cannot be shown again")


def _print_delivery(delivery: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(delivery)
        return
    about = f"ticket {delivery['ticket_id']}" if delivery["ticket_id"] else "no ticket"
    trouble = f"  {delivery['error']}" if delivery["error"] else ""
    tries = f"{delivery['attempts']} attempt{'' if delivery['attempts'] == 1 else 's'}"
    print_line(f"{delivery['id']}  {delivery['status']:<9}  {tries}  {delivery['type']}  {about}{trouble}")


def _health(webhook: dict[str, Any]) -> str:
    if not webhook["enabled"]:
        return f"disabled ({webhook['disabled_reason']})" if webhook["disabled_reason"] else "disabled"
    if webhook["failures"]:
        return f"failing since {webhook['failing_since']:.19}Z"
    return "good"
