import pytest

from ticketflow.cli.entries import Entry, decode, is_json, read_entries
from ticketflow.errors import InvalidInputError


def test_one_object_is_one_entry():
    assert read_entries("a.json", '{\n "subject": "Hi"\n}') == [Entry("entry 1", {"subject": "Hi"})]


def test_an_array_gives_its_objects_and_names_what_is_none():
    entries = read_entries("-", '[{"a": 1}, 2]')

    assert entries == [Entry("entry 1", {"a": 1}), Entry("entry 2", None, "not a JSON object")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "-"])
def test_an_object_on_each_line_is_read_under_any_name(name):
    entries = read_entries(name, '{"a": 1}\r\n\n{"a": 2}\n')

    assert entries == [Entry("line 1", {"a": 1}), Entry("line 3", {"a": 2})]


def test_a_broken_line_is_named_and_the_others_are_read():
    first, broken, last = read_entries("a.jsonl", '{"a": 1}\n{"a": \n{"a": 3}')

    assert (first.content, last.content) == ({"a": 1}, {"a": 3})
    assert (broken.place, broken.content) == ("line 2", None)
    assert broken.problem == "not JSON: Expecting value at column 7"


def test_a_line_separator_inside_a_string_does_not_end_the_line():
    text = '{"a": "x\u2028y"}\n{"a": "z"}'

    assert [entry.content for entry in read_entries("a.jsonl", text)] == [{"a": "x\u2028y"}, {"a": "z"}]


def test_a_number_that_json_does_not_know_is_refused():
    (entry,) = read_entries("a.jsonl", '{"a": NaN}')

    assert entry.problem == "not JSON: NaN is no JSON number at column 7"


def test_a_broken_object_is_refused_as_a_whole():
    with pytest.raises(InvalidInputError, match="standard input is not JSON"):
        read_entries("-", '{"a": 1')


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json", "hello", True),
        ("a.JSONL", "hello", True),
        ("a.txt", '{"a": 1}', False),
        ("-", ' {"a": 1}', True),
        ("-", '[\n{"a": 1}]', True),
        ("-", "[urgent] my parcel", False),
        ("-", "my parcel", False),
    ],
)
def test_json_is_told_from_text_by_name_or_beginning(name, text, expected):
    assert is_json(name, text) is expected


def test_a_byte_order_mark_is_dropped():
    assert decode(b"\xef\xbb\xbfhello", "a.txt") == "hello"


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a\0b"])
def test_what_is_not_text_is_refused_by_name(raw):
    with pytest.raises(InvalidInputError, match=r"a\.bin is not"):
        decode(raw, "a.bin")
