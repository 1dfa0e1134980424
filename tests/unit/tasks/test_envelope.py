"""What is a message of ours, and what is made of it."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.message import Message
from pydantic import ValidationError

from tests.garbage import ODD_BODIES, ODD_EMBEDS, TICKET, good_body, good_headers
from ticketflow.tasks.envelope import (
    MAX_BODY_BYTES,
    StepArguments,
    UnreadableMessageError,
    may_be_rejected,
    read_envelope,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def build(body: bytes | None = None, **changes: Any) -> Message:
    message = Message(
        body=json.dumps(good_body()).encode() if body is None else body,
        headers=good_headers(),
        content_type="application/json",
        content_encoding="utf-8",
    )
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_our_own_message_is_understood_and_goes_on_unchanged():
    message = build()
    envelope = read_envelope(message)

    envelope.refill(message)

    assert message.payload == good_body()
    assert envelope.args == [TICKET, 1]
    assert envelope.tasks == {"ticketflow.steps.extract", "ticketflow.steps.draft"}
    assert good_headers().items() >= message.headers.items()


def test_the_deaths_of_a_message_go_on_with_it():
    message = build(headers=good_headers(**{"x-death": [DEATH]}))

    read_envelope(message).refill(message)

    assert message.headers["x-death"] == [DEATH]


def test_what_nobody_knows_is_left_out():
    body = good_body()
    body[2]["is_eager"] = body[2]["chain"][0]["options"]["queue"] = "elsewhere"
    message = build(json.dumps(body).encode(), headers=good_headers(chain="x", get=5, compression=None))

    read_envelope(message).refill(message)

    assert message.payload == good_body()
    assert not {"chain", "get", "compression"} & message.headers.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": None},
        {"headers": []},
        {"headers": good_headers(task="celery.starmap")},
        {"headers": good_headers(task=["ticketflow.steps.draft"])},
        {"headers": good_headers(id="")},
        {"headers": good_headers(id="a b")},
        {"headers": good_headers(id="\ud800")},
        {"headers": good_headers(id="x" * 256)},
        {"headers": good_headers(timelimit=[1, None])},
        {"headers": good_headers(timelimit=[None])},
        {"headers": good_headers(timelimit=[None] * 3)},
        {"headers": good_headers(eta="2999-01-01T00:00:00")},
        {"headers": good_headers(expires="2999-01-01T00:00:00")},
        {"headers": good_headers(retries=-1)},
        {"headers": good_headers(retries=2**31)},
        {"headers": good_headers(ignore_result=1)},
        {"headers": good_headers(traceparent=b"\xff")},
        {"headers": good_headers(**{"x-death": "x"})},
        {"headers": good_headers(**{"x-death": [5]})},
        {"headers": good_headers(**{"x-death": [{"reason": "rejected", "queue": "q", "count": "x"}]})},
        {"content_type": None},
        {"content_type": "application/x-python-serialize"},
        {"content_encoding": None},
        {"content_encoding": "utf-16"},
        {"errors": [(ValueError, ValueError("packed"), None)]},
        {"body": b""},
        {"body": b"[[],{},{}]" + b" " * MAX_BODY_BYTES},
    ],
)
def test_what_is_none_of_ours_is_refused(changes):
    with pytest.raises(UnreadableMessageError):
        read_envelope(build(**changes))


@pytest.mark.parametrize("body", ODD_BODIES)
def test_of_any_body_plain_arguments_are_left_or_nothing(body):
    try:
        envelope = read_envelope(build(body))
    except UnreadableMessageError:
        return
    assert {type(value) for value in (*envelope.args, *envelope.kwargs.values())} <= {str, int}


@pytest.mark.parametrize("embed", ODD_EMBEDS)
def test_nothing_strange_is_chained(embed):
    message = build(json.dumps([[TICKET, 1], {}, embed]).encode())
    try:
        read_envelope(message, {"ticketflow.steps.extract"}).refill(message)
    except UnreadableMessageError:
        return
    assert not message.payload[2].get("callbacks")
    assert "queue" not in json.dumps(message.payload)
    assert "countdown" not in json.dumps(message.payload)


def test_a_task_that_is_not_here_is_refused_in_the_chain_too():
    with pytest.raises(UnreadableMessageError):
        read_envelope(build(), {"ticketflow.steps.extract"})


def test_a_body_may_be_text_in_the_folder():
    assert read_envelope(build(json.dumps(good_body()))).args == [TICKET, 1]  # type: ignore[arg-type]


@given(JSON, st.dictionaries(st.sampled_from(sorted(good_headers())), JSON))
def test_anything_is_read_or_refused_and_nothing_of_it_is_said(body, headers):
    message = build(json.dumps(body).encode(), headers=good_headers() | headers)
    refusal = ""
    try:
        read_envelope(message).refill(message)
    except UnreadableMessageError as error:
        refusal = str(error)
    else:
        assert len(message.payload) == 3
    assert refusal.isascii()
    assert len(refusal) < 100


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with pytest.raises(UnreadableMessageError):
        read_envelope(build(body))


LONG_CHAIN = [good_body()[2]["chain"][0]] * 100
DEATH = {"reason": "rejected", "queue": "steps.draft", "count": 1}


def build_body(args: Any = (TICKET, 1), kwargs: Any = None, **embed: Any) -> bytes:
    return json.dumps([list(args), kwargs or {}, embed]).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"content_encoding": "UTF-8"},
        {"content_encoding": "utf8"},
        {"headers": good_headers(id="x" * 255)},
        {"headers": good_headers(id="!~")},
        {"headers": good_headers(root_id=None, retries=None, timelimit=None, ignore_result=None)},
        {"headers": good_headers(retries=2**31 - 1)},
        {"headers": good_headers(argsrepr="x" * 1024, origin=" ~")},
        {"headers": good_headers(**{"x-death": [DEATH] * 100})},
        {"headers": good_headers(**{"x-death": [DEATH | {"count": 0, "reason": "x" * 40}]})},
        {"body": build_body().ljust(MAX_BODY_BYTES)},
        {"body": build_body([1] * 100)},
        {"body": build_body(kwargs={f"a{n}": n for n in range(100)})},
        {"body": build_body(kwargs={"a" * 63: "x" * 1024})},
        {"body": build_body(chain=LONG_CHAIN)},
        {"body": build_body(chain=[], callbacks=[], errbacks=[])},
    ],
)
def test_what_is_as_long_as_may_be_is_read(changes):
    assert read_envelope(build(**changes)).headers.task == "ticketflow.steps.extract"


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": good_headers(argsrepr="x" * 1025)},
        {"headers": good_headers(origin="\x1f")},
        {"headers": good_headers(origin="\x7f")},
        {"headers": good_headers(task="ticketflow.")},
        {"headers": good_headers(task="Xticketflow.steps.draft")},
        {"headers": good_headers(task="ticketflow.steps.Draft")},
        {"headers": good_headers(task="ticketflow.".ljust(256, "x"))},
        {"headers": good_headers(root_id="")},
        {"headers": good_headers(parent_id="")},
        {"headers": good_headers(**{"x-death": [DEATH] * 101})},
        {"headers": good_headers(**{"x-death": [DEATH | {"count": -1}]})},
        {"headers": good_headers(**{"x-death": [DEATH | {"reason": "x" * 41}]})},
        {"headers": good_headers(**{"x-death": [{"reason": "rejected"}]})},
        {"body": build_body().ljust(MAX_BODY_BYTES + 1)},
        {"body": build_body([1] * 101)},
        {"body": build_body(["x" * 1025])},
        {"body": build_body([None])},
        {"body": build_body(kwargs={f"a{n}": n for n in range(101)})},
        {"body": build_body(kwargs={"a" * 64: 1})},
        {"body": build_body(kwargs={"_a": 1})},
        {"body": build_body(kwargs={"a": 1.0})},
        {"body": build_body(chain=[*LONG_CHAIN, LONG_CHAIN[0]])},
        {"body": build_body(chain=[LONG_CHAIN[0] | {"subtask_type": "group"}])},
        {"body": build_body(callbacks=[None])},
        {"body": build_body(errbacks=[None])},
        {"body": build_body(chord=1)},
    ],
)
def test_what_is_longer_or_stranger_than_may_be_is_refused(changes):
    with pytest.raises(UnreadableMessageError):
        read_envelope(build(**changes))


def test_nothing_follows_an_empty_chain():
    message = build(build_body(chain=[]))

    envelope = read_envelope(message)
    envelope.refill(message)

    assert envelope.tasks == {"ticketflow.steps.extract"}
    assert message.payload[2]["chain"] is None


@pytest.mark.parametrize(
    ("headers", "may_be"),
    [
        (None, True),
        ({}, True),
        ({"x-death": []}, True),
        ({"x-death": [DEATH, DEATH]}, True),
        ({"x-death": "x"}, False),
        ({"x-death": None}, False),
        ({"x-death": [5]}, False),
        ({"x-death": [DEATH, {}]}, False),
        ({"x-death": [DEATH | {"count": "1"}]}, False),
        ({"x-death": [DEATH | {"queue": b"\xff"}]}, False),
    ],
)
def test_a_message_is_not_given_back_with_deaths_that_somebody_made_up(headers, may_be):
    assert may_be_rejected(build(headers=headers)) is may_be


@pytest.mark.parametrize(("generation", "is_one"), [(0, True), (2**31 - 1, True), (-1, False), (2**31, False)])
def test_a_generation_fits_into_its_column(generation, is_one):
    def read() -> StepArguments:
        return StepArguments(ticket_id=UUID(TICKET), generation=generation)

    if is_one:
        assert read().generation == generation
    else:
        with pytest.raises(ValidationError):
            read()


@pytest.mark.parametrize("generation", ["1", 1.0, True])
def test_a_generation_is_a_number(generation):
    with pytest.raises(ValidationError):
        StepArguments(ticket_id=UUID(TICKET), generation=generation)
