import pytest

from tests.unit.evaluation.build import build_row
from ticketflow.cli.corrections import ROWS
from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.rows import GoldEntity, read_examples, read_rows

ORDER = {"type": "order_id", "value": "4711", "text": "4711", "field": "body", "start": 6, "end": 10}


def test_a_text_becomes_the_body_so_that_places_in_it_hold():
    row = build_row(text="Order 4711 is late", entities=[{"type": "order_id", "value": "4711", "start": 6, "end": 10}])

    assert (row.request["subject"], row.request["body"]) == ("", "Order 4711 is late")
    assert row.request["body"][row.gold.entities[0].start : row.gold.entities[0].end] == "4711"


def test_subject_and_body_are_taken_as_they_are():
    (row,) = read_rows("data.jsonl", [("line 1", {"subject": "Late", "body": "Where is it?", "label": "shipping"})])

    assert (row.request["subject"], row.text, row.gold.label) == ("Late", "Late\nWhere is it?", "shipping")


@pytest.mark.parametrize(
    ("gold", "expected"), [("a1", {"a1"}), (7, {"7"}), (["a1", "a2"], {"a1", "a2"}), (None, set()), ([], set())]
)
def test_gold_names_the_articles_that_answer(gold, expected):
    assert build_row(gold=gold).gold.articles == expected


def test_without_gold_nobody_said_which_article_answers():
    assert build_row(label="shipping").gold.articles is None


def test_card_numbers_are_starred_as_they_would_be_on_arrival():
    row = build_row(text="My card 4111 1111 1111 1111 was charged twice")

    assert row.request["body"] == "My card **** **** **** 1111 was charged twice"
    assert [each["type"] for each in row.request["masked"]] == ["card"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "give either `text`, or `subject` and `body`"),
        ({"text": "Hello", "body": "Hello"}, "give either `text`, or `subject` and `body`"),
        ({"text": 4}, "text: Input should be a valid string"),
        ({"text": "Hello", "label": ["a"]}, "label: Input should be a valid string"),
        ({"text": "Hello", "priority": "now"}, "priority: Input should be 'low', 'normal', 'high' or 'urgent'"),
        ({"text": "Hello", "entities": [{"type": "date"}]}, "entities.0.value: Field required"),
        ({"text": "Hello", "received_at": "2026-01-15T10:00:00"}, "received_at: Input should have timezone info"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_key(content, problem):
    with pytest.raises(InvalidInputError) as error:
        read_rows("data.jsonl", [("line 1", {"text": "Hello"}), ("line 2", content)])

    assert str(error.value) == f"data.jsonl: line 2: {problem}"


def test_a_file_without_rows_is_refused():
    with pytest.raises(InvalidInputError, match=r"data\.jsonl: there are no rows in it"):
        read_rows("data.jsonl", [])


def test_examples_are_gathered_by_label():
    lines = [("line 1", {"text": "One", "label": "a"}), ("line 2", {"text": "Two", "label": "b"})]

    assert read_examples("train.jsonl", [*lines, ("line 3", {"text": "Three", "label": "a"})]) == {
        "a": ["One", "Three"],
        "b": ["Two"],
    }


def test_an_example_without_a_label_is_refused():
    with pytest.raises(InvalidInputError, match=r"train\.jsonl: line 1: label: must be there"):
        read_examples("train.jsonl", [("line 1", {"text": "One"})])


@pytest.mark.parametrize(
    ("field", "after", "known"),
    [
        ("category", "billing", {"label": "billing"}),
        ("priority", "high", {"priority": "high"}),
        ("entities", [ORDER], {"entities": (GoldEntity(type="order_id", value="4711", start=6, end=10),)}),
        ("final_response", "We sent it.", {"draft": "We sent", "sent": "We sent it."}),
    ],
)
def test_exported_corrections_are_rows(field, after, known):
    correction = {"subject": "Late", "body": "Order 4711?", "before": "We sent", "after": after}

    (row,) = read_rows("corrections.jsonl", [("line 1", ROWS[field](correction))])

    assert row.text == "Late\nOrder 4711?"
    assert {name: value for name, value in row.gold if value is not None} == known
