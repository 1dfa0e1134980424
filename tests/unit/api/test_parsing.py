import pytest
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest

from ticketflow.api.parsing import MAX_DEPTH, parse_json, refuse_unsafe


def nest(depth: int) -> dict:
    nested: dict = {}
    for _ in range(depth):
        nested = {"a": nested}
    return nested


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{} {}", b"NaN", b"-Infinity", b"\xff", b"'a'", b"[" * 200_000, b"9" * 5000]
)
def test_what_is_not_json_is_refused(body):
    with pytest.raises(BadRequest):
        parse_json(body)


def test_a_byte_order_mark_is_passed_over():
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"a": "\x00"}, "a"),
        ({"a": [{"b": "x\udc00"}]}, "a.0.b"),
        ({"a": {"\x00": 1}}, "a"),
        ({"\ud800": 1}, "$"),
        ("\x00", "$"),
        ({"a": float("inf")}, "a"),
        ({"a": 2**63}, "a"),
        (nest(MAX_DEPTH + 1), "a"),
    ],
)
def test_what_could_not_be_kept_is_named(payload, field):
    with pytest.raises(ValidationError) as refused:
        refuse_unsafe(payload)

    assert list(refused.value.messages) == [field]


@pytest.mark.parametrize(
    "payload", [{"a": ["text", 1, -(2**63), 0.5, True, None, "\u00e9\U0001f600"]}, nest(MAX_DEPTH), []]
)
def test_everything_else_passes(payload):
    refuse_unsafe(payload)
