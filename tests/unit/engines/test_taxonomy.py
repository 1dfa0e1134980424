"""A wrong taxonomy is refused with the line and the remedy."""

import json

import pytest

from ticketflow.engines.embedded.taxonomy import IdHint, Product, Sla, dump_taxonomy, read_taxonomy
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy, parse_taxonomy
from ticketflow.errors import ConfigurationError

GOOD = """\
categories:
  - name: orders
    description: About orders.
    team: Orders
    examples:
      - Where is my order?
  - name: other
    description: The rest.
    team: Care
"""

FULL = (
    GOOD.replace("    team: Orders\n", "    team: Orders\n    sla: {first_response_h: 4, resolution_h: 24.5}\n")
    + """\
ids:
  - type: order_id
    examples: [ORD-1234, ORD-99871]
    pattern: ORD-\\d{4,5}
  - type: meter_no
    pattern: "[A-Z]{2}[0-9]{6}"
products:
  - Sunlamp 200
  - name: Blender Pro
    aliases: [the blender, BP3]
"""
)


def test_a_taxonomy_says_how_soon_and_what_ids_and_products_look_like():
    taxonomy = parse_taxonomy(FULL, "mine.yaml")

    assert taxonomy.by_name["orders"].sla == Sla(first_response_h=4, resolution_h=24.5)
    assert taxonomy.by_name["other"].sla is None
    assert taxonomy.ids == (
        IdHint("order_id", ("ORD-1234", "ORD-99871"), r"ORD-\d{4,5}"),
        IdHint("meter_no", (), "[A-Z]{2}[0-9]{6}"),
    )
    assert taxonomy.products == (Product("Sunlamp 200"), Product("Blender Pro", ("the blender", "BP3")))


def test_a_stored_taxonomy_is_read_back_the_same():
    taxonomy = parse_taxonomy(FULL, "mine.yaml")

    assert read_taxonomy(json.loads(json.dumps(dump_taxonomy(taxonomy)))) == taxonomy


def test_a_taxonomy_keeps_the_order_of_its_file():
    taxonomy = parse_taxonomy(GOOD, "mine.yaml")

    assert [category.name for category in taxonomy.categories] == ["orders", "other"]
    assert taxonomy.fallback == "other"
    assert taxonomy.by_name["orders"].team == "Orders"


def test_the_default_taxonomy_has_enough_examples_each():
    taxonomy = load_taxonomy()

    assert len(taxonomy.categories) == 11
    assert all(len(category.examples) >= 8 for category in taxonomy.categories)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine.yaml:1: the file is empty"),
        ("categories: [\n", r"mine.yaml:2: not valid YAML"),
        ("teams: []\n", r"mine.yaml:1: unknown key 'teams'"),
        ("categories: []\n", r"mine.yaml:1: .* two categories or more"),
        (GOOD.replace("    team: Care\n", ""), r"mine.yaml:7: this category has no `team`; add"),
        (GOOD.replace("name: other", "name: orders"), r"mine.yaml:7: category 'orders' is there twice; rename"),
        ("fallback: misc\n" + GOOD, r"mine.yaml:1: no category is called 'misc'; add it"),
        (GOOD.replace("      - Where is my order?", "      one: two"), r"mine.yaml:6: `examples` must be a list"),
        (GOOD.replace("About orders.", "[a, b]"), r"mine.yaml:3: `description` must be text"),
        (GOOD.replace("team: Orders", "owner: Orders"), r"mine.yaml:4: unknown key 'owner'"),
        (GOOD.replace("team: Orders", "name: Orders"), r"mine.yaml:4: `name` is there twice"),
        (FULL.replace("24.5", "two days"), r"mine.yaml:5: `resolution_h` must be a number of hours"),
        (FULL.replace("24.5", "-1"), r"mine.yaml:5: `resolution_h` must be a number of hours"),
        (FULL.replace("24.5", "1e300"), r"mine.yaml:5: `resolution_h` must be a number of hours"),
        (FULL.replace("24.5", "2"), r"mine.yaml:5: `first_response_h` is later than `resolution_h`"),
        (FULL.replace("{first_response_h: 4, resolution_h: 24.5}", "{}"), r"mine.yaml:5: `sla` is empty"),
        (
            GOOD.replace("    team: Orders\n", "    team: Orders\n    priority: soon\n"),
            r"mine.yaml:\d+: `priority` is 'soon'",
        ),
        (FULL.replace("order_id", "Order Id"), r"mine.yaml:12: `type` 'Order Id' must be small letters"),
        (FULL.replace("meter_no", "order_id"), r"mine.yaml:15: id type 'order_id' is there twice"),
        (FULL.replace('    pattern: "[A-Z]{2}[0-9]{6}"\n', ""), r"mine.yaml:15: 'meter_no' has no `examples`"),
        (FULL.replace("ORD-99871", "99871"), r"mine.yaml:14: `pattern` does not match the example '99871'"),
        (FULL.replace("[0-9]{6}", "[0-9"), r"mine.yaml:16: `pattern` is no regular expression"),
        (FULL.replace("[0-9]{6}", "([0-9]+-?)+"), r"mine.yaml:16: `pattern` repeats a group that repeats"),
        (FULL.replace("[0-9]{6}", "9" * 200), r"mine.yaml:16: `pattern` is longer than 200"),
        (FULL.replace("[A-Z]{2}[0-9]{6}", "[0-9]*"), r"mine.yaml:16: `pattern` matches nothing"),
        (FULL.replace("name: Blender Pro", "title: Blender Pro"), r"mine.yaml:19: unknown key 'title'"),
        (FULL.replace("Blender Pro", "Sunlamp 200"), r"mine.yaml:19: product 'Sunlamp 200' is there twice"),
    ],
)
def test_an_error_names_the_line_and_the_remedy(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_taxonomy(text, "mine.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the taxonomy .*none\.yaml"):
        load_taxonomy(tmp_path / "none.yaml")


def test_a_category_may_carry_a_priority():
    taxonomy = parse_taxonomy(GOOD.replace("    team: Orders\n", "    team: Orders\n    priority: high\n"), "mine.yaml")

    assert taxonomy.by_name["orders"].priority == "high"
    assert taxonomy.by_name["other"].priority is None
    assert read_taxonomy(dump_taxonomy(taxonomy)) == taxonomy
