import pytest
from werkzeug.exceptions import BadRequest

from ticketflow.api.idempotency import digest_payload, parse_key


@pytest.mark.parametrize(
    ("given", "key"),
    [('"k-1"', "k-1"), ("k-1", "k-1"), ('"two words"', "two words"), (r'"a\"b\\c"', r'a"b\c'), ("x" * 255, "x" * 255)],
)
def test_a_key_comes_with_or_without_quotes(given, key):
    assert parse_key(given) == key


@pytest.mark.parametrize("given", ["", '""', "two words", '"open', 'a"b', '"a";b=1', '"\\x"', "x" * 256, "é", "a\tb"])
def test_anything_else_is_no_key(given):
    with pytest.raises(BadRequest):
        parse_key(given)


def test_the_order_of_members_changes_nothing():
    assert digest_payload({"a": 1, "b": {"c": 2, "d": 3}}) == digest_payload({"b": {"d": 3, "c": 2}, "a": 1})


def test_another_value_changes_the_digest():
    assert digest_payload({"a": 1}) != digest_payload({"a": "1"})
