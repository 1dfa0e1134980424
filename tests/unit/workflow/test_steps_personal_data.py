"""Personal data is known by shape and checksum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.workflow.steps.personal_data import (
    find_cards,
    find_emails,
    find_ibans,
    find_links,
    find_phones,
    is_iban_valid,
    is_luhn_valid,
)


def found(find, text):
    return [text[start:end] for start, end in find(text)]


def test_checksums():
    assert is_luhn_valid("4111111111111111")
    assert not is_luhn_valid("4111111111111112")
    assert is_iban_valid("GB82WEST12345698765432")
    assert not is_iban_valid("GB82WEST12345698765431")


@given(st.integers(min_value=10**14, max_value=10**15 - 1))
def test_exactly_one_check_digit_fits(payload):
    assert sum(is_luhn_valid(f"{payload}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (find_cards, "pay 4111-1111-1111-1111 now", ["4111-1111-1111-1111"]),
        (find_cards, "order 370795561790", []),
        (find_ibans, "to GB82 WEST 1234 5698 7654 32 today", ["GB82 WEST 1234 5698 7654 32"]),
        (find_emails, "a.b+c@mail.example.org, x@y", ["a.b+c@mail.example.org"]),
        (find_phones, "call +44 20 7946 0958 or (415) 555-2671", ["+44 20 7946 0958", "(415) 555-2671"]),
        (find_phones, "on 2026-01-15, 12.05.2024 or 3 to 5 days", []),
        (find_links, "(see https://a.example/b). www.c.example!", ["https://a.example/b", "www.c.example"]),
    ],
)
def test_finds(find, text, expected):
    assert found(find, text) == expected
