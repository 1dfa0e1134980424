"""Facts in plain text: what is found, how it is normalised, and what is left alone."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.engines.embedded.extractor import find_facts, parse_instant
from ticketflow.engines.embedded.facts.amounts import find_amounts, plain_number
from ticketflow.engines.embedded.facts.contact import find_links_and_emails, find_phone_numbers
from ticketflow.engines.embedded.facts.dates import find_dates
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.ids import find_ids, is_one_typo
from ticketflow.engines.embedded.facts.payment import find_payment_numbers

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cancel order 370795561790", ("order_id", "370795561790")),
        ("cancel purhase 00004587345", ("order_id", "00004587345")),
        ("my roder no. 55512 is late", ("order_id", "55512")),
        ("status of order4711889?", ("order_id", "4711889")),
        ("about #A-1042-77", ("order_id", "A-1042-77")),
        ("1234567 is my order number", ("order_id", "1234567")),
        ("where is ORD-2026-0017", ("order_id", "ORD-2026-0017")),
        ("check bill #37777", ("invoice_id", "37777")),
        ("invoice: INV-2023/99", ("invoice_id", "INV-2023/99")),
        ("Rechnung RE-2024-0815", ("invoice_id", "RE-2024-0815")),
        ("commande n° 884213", ("order_id", "884213")),
        ("parcel 1Z999AA10123456784 lost", ("tracking_id", "1Z999AA10123456784")),
    ],
)
def test_an_id_is_known_by_the_words_around_it(text, expected):
    assert [(found.type, found.value) for found in find_ids(text)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "room 12345",
        "error code 50043",
        "older 12345 bread",
        "account 12345678",
        "version 10.0.19045",
        "order 12",
        "12345",
    ],
)
def test_other_numbers_are_no_ids(text):
    assert find_ids(text) == []


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("oreder", "order", True),
        ("roder", "order", True),
        ("orde", "order", True),
        ("ordar", "order", True),
        ("order", "order", False),
        ("ladder", "order", False),
    ],
)
def test_one_typo_is_forgiven(word, known, expected):
    assert is_one_typo(word, known) is expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I paid $1,499.00", "1499.00 USD"),
        ("refunding$350", "350.00 USD"),
        ("160 dollars", "160.00 USD"),
        ("1.299,50 €", "1299.50 EUR"),
        ("EUR 20,5", "20.50 EUR"),
        ("£5", "5.00 GBP"),
        ("¥5000", "5000 JPY"),
        ("12 000 CHF", "12000.00 CHF"),
    ],
)
def test_an_amount_is_normalised(text, value):
    assert [found.value for found in find_amounts(text)] == [value]


@pytest.mark.parametrize("text", ["order 1499", "the 2 of us", "3.5 stars", "room 20a"])
def test_numbers_without_a_currency_are_no_amounts(text):
    assert find_amounts(text) == []


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=99))
def test_plain_number_undoes_any_grouping(whole, cents):
    written = f"{whole:,}.{cents:02d}"

    assert plain_number(written, has_cents=True) == f"{whole}.{cents:02d}"


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("since 2025-12-24", "en", "2025-12-24"),
        ("yesterday", "en", "2026-01-14"),
        ("last Monday", "en", "2026-01-12"),
        ("next Friday", "en", "2026-01-16"),
        ("this Thursday", "en", "2026-01-22"),
        ("March 3rd, 2025", "en", "2025-03-03"),
        ("two weeks ago", "en", "2026-01-01"),
        ("3. Mai 2025", "de", "2025-05-03"),
        ("gestern", "de", "2026-01-14"),
        ("le 12 mars 2025", "fr", "2025-03-12"),
        ("hace 3 días", "es", "2026-01-12"),
    ],
)
def test_a_date_refers_to_the_day_the_ticket_came(text, language, value):
    assert [found.value for found in find_dates(text, language, NOW)] == [value]


@pytest.mark.parametrize("text", ["in 2019", "2024-02-30", "10.0.19045", "hier ist es", "may I ask"])
def test_what_only_looks_like_a_date_is_left_alone(text):
    assert find_dates(text, "en", NOW) == []


def test_links_and_addresses_lose_the_punctuation_that_follows():
    found = find_links_and_emails("See https://shop.example/o/1?x=2. Or write Anna@Example.com, please")

    assert [(each.type, each.value) for each in found] == [
        ("url", "https://shop.example/o/1?x=2"),
        ("email", "anna@example.com"),
    ]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("call +49 30 901820", "en", "+4930901820"),
        ("call (415) 555-2671", "en", "+14155552671"),
        ("Tel. 030 901820", "de", "+4930901820"),
        ("my phone is 4155552671", "en", "+14155552671"),
    ],
)
def test_a_phone_number_is_written_as_e164(text, language, value):
    assert [found.value for found in find_phone_numbers(text, language)] == [value]


def test_bare_digits_are_no_phone_number():
    assert find_phone_numbers("reference 4155552671", "en") == []


@pytest.mark.parametrize(
    ("text", "kind", "masked"),
    [
        ("card 4111 1111 1111 1111", "card", "************1111"),
        ("card 5500-0000-0000-0004", "card", "************0004"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "iban", "DE****************3000"),
    ],
)
def test_payment_numbers_are_masked_in_value_and_text(text, kind, masked):
    assert [(each.type, each.value, each.text) for each in find_payment_numbers(text)] == [(kind, masked, masked)]


@pytest.mark.parametrize("text", ["4111 1111 1111 1112", "0000 0000 0000 0000", "DE89 3704 0044 0532 0130 02"])
def test_a_wrong_checksum_is_no_payment_number(text):
    assert find_payment_numbers(text) == []


def test_digits_in_one_piece_after_order_are_an_order():
    assert [found.type for found in find_facts("order 4111111111111111", "en", NOW)] == ["order_id"]


def test_the_stronger_evidence_keeps_the_characters():
    strong, weak, apart = Found("url", "", "", 0, 10), Found("order_id", "", "", 5, 9), Found("date", "", "", 10, 12)

    assert keep_first([apart, strong, weak]) == [strong, apart]


@given(st.text(max_size=200))
def test_offsets_hold_for_any_text(text):
    facts = find_facts(text, "en", NOW)

    assert all(text[each.start : each.end] == each.text for each in facts if each.type not in {"card", "iban"})
    assert all(one.end <= other.start for one, other in pairwise(facts))


def test_an_instant_without_offset_is_utc():
    assert parse_instant("2026-01-15T10:00:00") == parse_instant("2026-01-15T10:00:00Z") == NOW
