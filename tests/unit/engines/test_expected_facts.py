"""What an operator's taxonomy teaches the extractor: ids by example, products by name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import fake_request
from ticketflow.engines.embedded.facts.expected import Gazetteer, learn_ids, learn_pattern
from ticketflow.engines.embedded.facts.extractor import EmbeddedExtractor
from ticketflow.engines.embedded.taxonomy import IdHint, Product, Taxonomy

HINTS = [
    IdHint("order_id", ("ORD-1234",)),
    IdHint("invoice_id", ("INV/2024/000123",)),
    IdHint("contract_id", ("12345678",)),
    IdHint("device_id", pattern=r"[0-9a-f]{4}:[0-9a-f]{4}"),
]
PRODUCTS = Gazetteer([Product("TrailRunner 3", ("TR3",)), Product("TrailRunner"), Product("Éclair Pro"), Product("X")])


@pytest.mark.parametrize(
    ("examples", "pattern"),
    [
        (["ORD-1234"], r"ORD\-\d{4,6}"),
        (["INV/2024/000123"], r"INV/\d{4,6}/\d{6,8}"),
        (["ORD-1234", "ORD-20411", "A1-77"], r"ORD\-\d{4,7}|A\d{1,3}\-\d{2,4}"),
        (["A-1042", "b-2291"], r"[A-Z]{1,1}\-\d{4,6}"),
        (["4F7K2", "A93KD"], r"(?=[A-Z]*\d)[A-Z0-9]{5,5}"),
        (["12345678"], r"\d{8,8}"),
    ],
)
def test_a_pattern_is_learned_from_examples(examples, pattern):
    assert learn_pattern(examples) == pattern


@given(st.lists(st.from_regex(r"[A-Z0-9]{1,6}([-/_.][A-Z0-9]{1,6}){0,3}", fullmatch=True), min_size=1, max_size=5))
def test_a_learned_pattern_fits_every_example_it_was_learned_from(examples):
    pattern = re.compile(learn_pattern(examples), re.IGNORECASE)

    assert [each for each in examples if any(letter.isdigit() for letter in each) and not pattern.fullmatch(each)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("where is ord-1234?", [("order_id", "ORD-1234")]),
        ("(ORD-44441)", [("order_id", "ORD-44441")]),
        ("ORD-12345-99", []),
        ("xORD-1234", []),
        ("see INV/2025/123456.", [("invoice_id", "INV/2025/123456")]),
        ("my contract 87654321", [("contract_id", "87654321")]),
        ("my account 87654321", []),
        ("device 00ff:12ab", [("device_id", "00FF:12AB")]),
    ],
)
def test_ids_like_the_examples_are_found(text, found):
    assert [(each.type, each.value) for learned in learn_ids(HINTS) for each in learned.find(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my trailrunner3 broke", [("TrailRunner 3", "trailrunner3")]),
        ("Trail-Runner 3!", [("TrailRunner 3", "Trail-Runner 3")]),
        ("the tr3", [("TrailRunner 3", "tr3")]),
        ("a TRAILRUNNER and a TrailRunner 3", [("TrailRunner", "TRAILRUNNER"), ("TrailRunner 3", "TrailRunner 3")]),
        ("TrailRunner 30", [("TrailRunner", "TrailRunner")]),
        ("ÉCLAIR  PRO", [("Éclair Pro", "ÉCLAIR  PRO")]),
        ("xTR3, TR33, TrailRunners, x", []),
    ],
)
def test_products_are_found_however_they_are_spaced(text, found):
    assert [(each.value, each.text) for each in PRODUCTS.find(text)] == found


def test_the_extractor_learns_from_the_taxonomy_in_force():
    taxonomies = [Taxonomy((), "other", ids=(HINTS[0],)), Taxonomy((), "other", products=(Product("Lamp"),))]
    extractor = EmbeddedExtractor(lambda: taxonomies[0])
    request = fake_request(subject="Lamp", body="ORD-4711")

    before = extractor.extract(request, "en")
    del taxonomies[0]
    after = extractor.extract(request, "en")

    assert [(entity["type"], entity["value"]) for entity in before] == [("order_id", "ORD-4711")]
    assert ("product", "Lamp") in [(entity["type"], entity["value"]) for entity in after]


def test_dates_follow_the_customers_time_zone():
    request = fake_request(body="It came today", received_at="2026-01-15T23:30:00Z", timezone="Asia/Tokyo")

    assert [entity["value"] for entity in EmbeddedExtractor().extract(request, "en")] == ["2026-01-16"]
