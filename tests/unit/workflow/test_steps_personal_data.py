"""Addresses, phone numbers and links are known by their shape."""

import pytest

from ticketflow.workflow.steps.personal_data import find_emails, find_links, find_phones


def found(find, text):
    return [text[start:end] for start, end in find(text)]


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (find_emails, "a.b+c@mail.example.org, x@y", ["a.b+c@mail.example.org"]),
        (find_phones, "call +44 20 7946 0958 or (415) 555-2671", ["+44 20 7946 0958", "(415) 555-2671"]),
        (find_phones, "on 2026-01-15, 12.05.2024 or 3 to 5 days", []),
        (find_links, "(see https://a.example/b). www.c.example!", ["https://a.example/b", "www.c.example"]),
    ],
)
def test_finds(find, text, expected):
    assert found(find, text) == expected
