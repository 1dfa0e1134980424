"""Facts in plain text: what is found, how it is normalised, and what is left alone."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.engines.embedded.facts.extractor import (
    find_facts,
    find_links_and_emails,
    find_phone_numbers,
    parse_instant,
)
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.ids import find_ids, is_one_typo
from ticketflow.engines.embedded.facts.places import find_country

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
        ("0049 30 901820", "de", "+4930901820"),
        ("06 12 34 56 78", "fr", "+33612345678"),
        ("llámame al 612 345 678", "es", "+34612345678"),
        ("+44 (0)20 7946 0958", "en", "+442079460958"),
        ("+39 06 698 12345", "it", "+390669812345"),
        ("WhatsApp 0171 2345678", "de", "+491712345678"),
        ("415.555.2671", "en", "+14155552671"),
    ],
)
def test_a_phone_number_is_written_as_e164(text, language, value):
    assert [found.value for found in find_phone_numbers(text, find_country(language, "UTC"))] == [value]


@pytest.mark.parametrize(
    "text", ["reference 4155552671", "order 12345678", "2026-01-15", "1.234.567,00 €", "12/05/2024 10:30"]
)
def test_other_digits_are_no_phone_number(text):
    assert find_phone_numbers(text, "US") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<https://a.example/x>", "https://a.example/x"),
        ("(http://a.example/b)", "http://a.example/b"),
        ("„https://a.example/ü“", "https://a.example/ü"),
        ("www.shop.example/a_b?", "www.shop.example/a_b"),
        ("HTTP://A.EXAMPLE", "HTTP://A.EXAMPLE"),
        ("mailto:X@y.example", "x@y.example"),
        ("user@sub.domain.example!", "user@sub.domain.example"),
        ("a.b+c@mail.example.org.", "a.b+c@mail.example.org"),
    ],
)
def test_a_link_or_address_is_found_in_its_brackets(text, found):
    assert [each.value for each in find_links_and_emails(text)] == [found]


@pytest.mark.parametrize("text", ["shop.example", "a@b", "x@y.z1", "file.txt", "@somebody"])
def test_what_only_looks_like_a_link_is_left_alone(text):
    assert find_links_and_emails(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "value", "masked"),
    [
        ("card 4111 1111 1111 1111", "card", "************1111", "**** **** **** 1111"),
        ("order 5500000000000004", "card", "************0004", "************0004"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban", "DE****************3000", "DE** **** **** **** **30 00"),
    ],
)
def test_payment_numbers_come_masked(text, kind, value, masked):
    assert [(each.type, each.value, each.text) for each in find_facts(text, "en", NOW)] == [(kind, value, masked)]


def test_the_stronger_evidence_keeps_the_characters():
    strong, weak, apart = Found("url", "", "", 0, 10), Found("order_id", "", "", 5, 9), Found("date", "", "", 10, 12)

    assert keep_first([apart, strong, weak]) == [strong, apart]


FRAGMENTS = [
    "order 4711889", "error code 17", "yesterday", "3 May 2025", "$1,499.00", "call +49 30 901820", "a@b.example",
    "https://x.example/1?a=2.", "4111 1111 1111 1111", "INV-2023/99", "HTTP 502", "\U0001f600", "\u00a0", "\n", "-",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=20).map(" ".join) | st.text(max_size=200))
def test_offsets_hold_for_any_text(text):
    facts = find_facts(text, "en", NOW)

    assert all(text[each.start : each.end] == each.text for each in facts if each.type not in {"card", "iban"})
    assert all(one.end <= other.start for one, other in pairwise(facts))


def test_an_instant_without_offset_is_utc():
    assert parse_instant("2026-01-15T10:00:00") == parse_instant("2026-01-15T10:00:00Z") == NOW
