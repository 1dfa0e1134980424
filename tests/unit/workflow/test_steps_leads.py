"""Where a text leads; what obedient models write is in ``tests/attacks/leads.txt``."""

from pathlib import Path

import pytest

from ticketflow.workflow.steps.leads import find_leads, find_strange_leads, find_strange_phones, may_be_called

KNOWN = (
    "Open https://shop.example/help or www.shop.example. Write to help@shop.example, call +49 30 1234567."
    " See shop.company or https://xn--bcher-kva.example/x."
)
PAYLOADS = [
    line.encode("ascii").decode("unicode_escape")
    for line in (Path(__file__).parents[2] / "attacks" / "leads.txt").read_text("ascii").splitlines()
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_what_is_not_known_as_a_whole_is_strange(payload):
    text = f"Please see {payload} for more"
    known = "See https://shop.company/help, help@shop.company, shop.company or +49 30 1234567."

    assert find_strange_leads(text, known) or find_strange_phones(text, known)


@pytest.mark.parametrize(
    "text",
    [
        *("https://shop.example/help.", "(https://shop.example/help)", "HTTPS://Shop.Example/help/", "shop.company's"),
        *("help@shop.example.", "<Help@Shop.Example>", "shop.company, please", "https://shop.company", "shop.example"),
        *("https://b\u00fccher.example/x", "b\u00fccher.example", "xn--bcher-kva.example", "it is all at shop.company"),
        *("e.g. this, i.e. that", "z.B. so, d.h. nein", "p.ex. ceci", "3.5 hours, please...", "10:30-12:00", "24/7"),
        *("Ms. A. B. Smith etc. at 5 p.m.", "1,299.00 EUR on 12.05.2024", "either/or", "Note: this", "U.S.A. and U.K."),
    ],
)
def test_what_is_known_and_plain_prose_are_not(text):
    assert find_strange_leads(f"Please see {text}", KNOWN) == []


@pytest.mark.parametrize(
    "text", ["+49 (30) 1234567", "+49301234567", "order 1234567890", "ORD-2026-0017", "2026-01-15", "3 to 5 days"]
)
def test_known_phones_and_other_numbers_are_not_strange(text):
    assert find_strange_phones(f"about {text} now", KNOWN) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0900-123456", True),
        ("1-900-555-0199", True),
        ("+49301", False),
        ("ORD-0900-1234", False),
        ("1234567890", False),
        ("2026-01-15", False),
    ],
)
def test_a_number_that_a_reader_would_dial(number, expected):
    assert may_be_called(number) is expected


def test_both_forms_of_an_international_name_are_one():
    assert find_leads("b\u00fccher.example") == find_leads("XN--BCHER-KVA.example") == {"b\u00fccher.example"}
