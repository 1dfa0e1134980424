"""A thousand card and account numbers go in everywhere a caller can put one; none is left anywhere."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from sqlalchemy import create_engine, inspect, text

from tests.payment_numbers import generate, make_card, squeeze
from tests.systems import System

NUMBERS = 1000
PER_TICKET = 10


def build_ticket(numbers: list[tuple[str, str]], rnd: random.Random) -> dict[str, Any]:
    """Put ten numbers into one ticket."""
    # Who writes it on one line leaves out how a mail quotes the next one.
    lines = [re.sub(r"\s*\n[\s>|]*", " ", written) for _, written in numbers]
    return {
        "subject": f"Paid with {lines[0]}",
        "body": f"Hello,\nI paid with {numbers[1][1]}, then {numbers[2][1]}.\nRefund to {numbers[3][1]} today",
        "customer": {"name": f"Ada {lines[4]}", "email": f"{numbers[5][0]}@mail.example"},
        "external_id": f"ref {lines[6]}",
        "metadata": {"paid": [lines[7]], lines[8]: {"account": numbers[9][1]}, "number": int(make_card(rnd))},
    }


def leaves(value: Any) -> Iterator[str]:
    """List every string and number of a JSON value, names included."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield name
            yield from leaves(below)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    else:
        yield str(value)


def find_left(numbers: list[str], texts: Iterator[str]) -> set[str]:
    everything = "\n".join(squeeze(each) for each in texts)
    return {number for number in numbers if number in everything}


def read_tables(system: System) -> Iterator[str]:
    """Read every value of every row of every table."""
    engine = create_engine(system.database_url)
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for (row,) in connection.execute(text(f'SELECT row_to_json(t)::text FROM "{table}" t')):
                yield from leaves(json.loads(row))
    engine.dispose()


@contextmanager
def tap_messages(broker_url: str) -> Iterator[list[str]]:
    """Collect a copy of every message of a virtual host; its steps still get theirs."""
    seen: list[str] = []
    with Connection(broker_url) as connection, connection.channel() as channel:
        exchange = Exchange("ticketflow", type="topic", passive=True)
        queue = Queue("tap", exchange, routing_key="#", exclusive=True, auto_delete=True)(channel)
        queue.declare()
        yield seen
        while message := queue.get(no_ack=True):
            seen.append(f"{message.headers} {message.properties} {message.body!r}")


@pytest.mark.rabbitmq
@pytest.mark.timeout(600)  # a hundred tickets through the embedded engine, servers started first
def test_no_number_is_left_in_any_table_log_or_message(servers_system, server_directory):
    rnd, numbers = random.Random(11), list(generate(seed=11, count=NUMBERS))
    tickets = [build_ticket(numbers[start : start + PER_TICKET], rnd) for start in range(0, NUMBERS, PER_TICKET)]
    digits = [number for number, _ in numbers] + [str(ticket["metadata"]["number"]) for ticket in tickets]
    client = servers_system.client

    with tap_messages(servers_system.env["TICKETFLOW_BROKER_URL"]) as messages:
        accepted = [
            client.post("/tickets", json=ticket, headers={"Idempotency-Key": number, "X-Request-ID": number})
            for ticket, number in zip(tickets, digits, strict=False)
        ]
        for answer in accepted:
            assert answer.status_code == 202, answer.text
        ids = [answer.json()["id"] for answer in accepted]
        done = [servers_system.wait(ticket_id) for ticket_id in ids]
        for ticket_id, number in zip(ids[:5], digits, strict=False):
            changes = {"step": "draft", "overrides": {"body": f"My card is {number}", "team": number}}
            fork = client.post(f"/tickets/{ticket_id}/fork", json=changes).raise_for_status().json()["id"]
            client.post(f"/tickets/{fork}/cancel", json={"reason": f"wrong card {number}"})
            client.get("/tickets", params={"q": number}).raise_for_status()
            client.get(f"/tickets/{number}")
        steps = [client.get(f"/tickets/{ticket_id}/steps").json() for ticket_id in ids[:5]]

    logs = [path.read_text() for path in server_directory.glob("*.log")]
    assert find_left(digits, leaves(tickets)) == set(digits)  # the search finds what is there
    assert find_left(digits, read_tables(servers_system)) == set()
    assert find_left(digits, iter(logs)) == set()
    assert len(messages) >= len(ids)
    assert find_left(digits, iter(messages)) == set()
    assert find_left(digits, leaves([*done, *steps])) == set()
    assert all({entity["type"] for entity in ticket["entities"]} & {"card", "iban"} for ticket in done)
