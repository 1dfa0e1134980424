"""Patterns of an operator's taxonomy: tried before they are published, and limited when they run."""

import pytest

from ticketflow.engines.embedded.facts.expected import learn_ids
from ticketflow.engines.embedded.taxonomy import IdHint
from ticketflow.engines.embedded.taxonomy_file import parse_taxonomy
from ticketflow.errors import ConfigurationError

TAXONOMY = """categories:
  - {{name: a, description: Parcels, team: A}}
  - {{name: other, description: Others, team: B}}
ids:
  - type: order_id
    pattern: '{}'
"""
SLOW = [
    r"\d*\d*\d*\d*x",
    r"(?:a|a)*b",
    r"(?:\d|\d\d)*x",
    r"ORD-(?:[0-9]|[0-9][0-9])*-X",
    r"[a-z]*[a-z0-9]*[a-z0-9]*[a-z]*Z",
    r".*.*=.*",
]
QUICK = [r"[A-Z]{2}[0-9]{6}", r"ORD-\d{4,8}", r"#\d+(?:-\d+)?", r"(?=[A-Z]*\d)[A-Z0-9]{6,8}", r"\d{3} \d{3}"]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_can_take_for_ever_is_refused_by_its_line(pattern):
    with pytest.raises(ConfigurationError, match=r"t\.yaml:6: `pattern` takes too long on texts like"):
        parse_taxonomy(TAXONOMY.format(pattern), "t.yaml", is_tried=True)


@pytest.mark.parametrize("pattern", QUICK)
def test_an_ordinary_pattern_stands_the_trial(pattern):
    parsed = parse_taxonomy(TAXONOMY.format(pattern), "t.yaml", is_tried=True)

    assert parsed.ids[0].pattern == pattern


@pytest.mark.parametrize("pattern", SLOW[:2])
def test_a_slow_pattern_that_is_in_force_finds_nothing_and_holds_up_nobody(pattern):
    (learned,) = learn_ids(parse_taxonomy(TAXONOMY.format(pattern), "t.yaml").ids)

    assert learned.find("1" * 20_000 + "a" * 20_000 + "!xx bb") == []


def test_a_limited_pattern_finds_what_it_found():
    (learned,) = learn_ids([IdHint("meter_no", pattern="[A-Z]{2}[0-9]{6}")])

    assert [found.value for found in learned.find("Meter ab123456, not xab1234567.")] == ["AB123456"]
