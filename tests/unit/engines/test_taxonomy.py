"""A wrong taxonomy is refused with the line and the remedy."""

import pytest

from ticketflow.engines.embedded.taxonomy import load_taxonomy, parse_taxonomy
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


def test_a_taxonomy_keeps_the_order_of_its_file():
    taxonomy = parse_taxonomy(GOOD, "mine.yaml")

    assert [category.name for category in taxonomy.categories] == ["orders", "other"]
    assert taxonomy.fallback == "other"
    assert taxonomy.team_of("orders") == "Orders"


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
    ],
)
def test_an_error_names_the_line_and_the_remedy(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_taxonomy(text, "mine.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the taxonomy .*none\.yaml"):
        load_taxonomy(tmp_path / "none.yaml")
