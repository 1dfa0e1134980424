"""Pages that are not too large to send."""

import json
from datetime import UTC, datetime

import pytest
from flask import Flask
from marshmallow import ValidationError

from ticketflow.api.paging import MAX_PAGE_BYTES, PageQuery, build_link, fit

HALF = {"body": "ü" * (MAX_PAGE_BYTES // 4)}


def test_a_page_ends_where_it_grows_too_large():
    assert fit([HALF] * 5, has_more=False) == ([HALF], True)


def test_one_entry_goes_out_whatever_its_size():
    huge = {"body": "x" * MAX_PAGE_BYTES}

    assert fit([huge], has_more=False) == ([huge], False)


def test_a_page_that_fits_is_left_alone():
    assert [fit([{}, {}], has_more=more) for more in (True, False)] == [([{}, {}], True), ([{}, {}], False)]


def test_a_page_may_be_as_large_as_can_be_sent_and_no_larger():
    first = {"body": "x"}
    rest_bytes = MAX_PAGE_BYTES - len(json.dumps(first)) - len(json.dumps({"body": ""}))
    longest, too_long = ({"body": "x" * size} for size in (rest_bytes, rest_bytes + 1))

    assert fit([first, longest], has_more=False) == ([first, longest], False)
    assert fit([first, too_long], has_more=False) == ([first], True)


def test_characters_count_as_the_bytes_they_are_sent_as():
    quarter = {"body": "ü" * (MAX_PAGE_BYTES // 8)}

    assert fit([quarter] * 3, has_more=False) == ([quarter] * 3, False)


def test_what_is_no_json_has_a_size_too():
    found = [{"at": datetime(2026, 1, 1, tzinfo=UTC)}] * 2

    assert fit(found, has_more=False) == (found, False)


@pytest.mark.parametrize("limit", ["1", "200"])
def test_a_page_has_at_least_one_entry_and_at_most_200(limit):
    assert PageQuery().load({"limit": limit}) == {"limit": int(limit), "cursor": None}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", ""])
def test_another_size_of_a_page_is_refused(limit):
    with pytest.raises(ValidationError):
        PageQuery().load({"limit": limit})


def test_without_a_word_a_page_has_50_entries():
    assert PageQuery().load({})["limit"] == 50


def test_the_next_page_is_asked_for_as_this_one_was():
    with Flask(__name__).test_request_context("/tickets?status=failed&cursor=a%20b&limit=2"):
        assert build_link(cursor="c&d") == {"Link": '</tickets?status=failed&cursor=c%26d&limit=2>; rel="next"'}
