import pytest

from tests.unit.evaluation.build import build_outcome, build_row
from ticketflow.evaluation.entities import DEFAULT_ALIASES, ENTITIES, is_same_value
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.rows import GoldEntity


def gold(kind, value, start=0, end=1):
    return {"type": kind, "value": value, "start": start, "end": end}


def fact(kind, value, start=0, end=1):
    return {"type": kind, "value": value, "text": value, "field": "body", "start": start, "end": end}


def measure(wanted, found, aliases=DEFAULT_ALIASES):
    rows = [build_row(entities=each) for each in wanted]
    return ENTITIES.measure_all(
        rows, [build_outcome(entities=each) for each in found], Yardstick(aliases=aliases)
    ).figures()


def test_facts_are_counted_by_type_value_and_place():
    figures = measure(
        [[gold("order_id", "#4711", 6, 11)], [gold("order_id", "4712", 0, 4), gold("order_id", "4713", 5, 9)], []],
        [[fact("order_id", "4711", 6, 11)], [fact("order_id", "4712", 20, 24)], [fact("order_id", "9", 0, 1)]],
    )

    assert figures["order_id.precision"] == pytest.approx(2 / 3)
    assert figures["order_id.recall"] == pytest.approx(2 / 3)
    assert figures["order_id.f1"] == pytest.approx(4 / 6)
    assert figures["order_id.span_f1"] == pytest.approx(2 / 6)
    assert figures["entities_exact"] == pytest.approx(1 / 3)


def test_types_of_the_data_are_renamed_and_an_empty_name_leaves_them_out():
    figures = measure(
        [[gold("refund_amount", "1499", 8, 12), gold("account_type", "Gold")]],
        [[fact("amount", "1499.00 USD", 7, 12)]],
        DEFAULT_ALIASES | {"account_type": ""},
    )

    assert (figures["amount.f1"], figures["amount.span_f1"], figures["entity_f1"]) == (1.0, 1.0, 1.0)
    assert "account_type.f1" not in figures


def test_types_the_data_does_not_label_are_not_held_against_the_engine():
    figures = measure([[gold("order_id", "4711")]], [[fact("order_id", "4711"), fact("date", "2026-01-15")]])

    assert (figures["entity_f1"], figures["entities_exact"]) == (1.0, 1.0)


def test_the_same_value_twice_in_a_text_counts_once():
    figures = measure([[gold("order_id", "4711")]], [[fact("order_id", "4711", 0, 4), fact("order_id", "4711", 9, 13)]])

    assert figures["order_id.precision"] == 1.0


def test_without_places_in_the_data_there_is_no_figure_by_place():
    figures = measure([[{"type": "order_id", "value": "4711"}]], [[fact("order_id", "4711")]])

    assert "order_id.span_f1" not in figures


@pytest.mark.parametrize(
    ("theirs", "ours", "is_same"),
    [
        ("1499", "1499.00 USD", True),
        ("$1,499.50", "1499.50 USD", True),
        ("1.499,5", "1499.50 EUR", True),
        ("1499.00 USD", "1499.00 USD", True),
        ("1499 EUR", "1499.00 USD", False),
        ("1499 EUR", "1499.00 EUR", True),
        ("149", "1499.00 USD", False),
    ],
)
def test_amounts_are_the_same_however_written(theirs, ours, is_same):
    assert is_same_value(GoldEntity(type="amount", value=theirs), fact("amount", ours)) is is_same
