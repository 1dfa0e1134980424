"""Pages that are not too large to send."""

from ticketflow.api.paging import MAX_PAGE_BYTES, fit

HALF = {"body": "ü" * (MAX_PAGE_BYTES // 4)}


def test_a_page_ends_where_it_grows_too_large():
    assert fit([HALF] * 5, has_more=False) == ([HALF], True)


def test_one_entry_goes_out_whatever_its_size():
    huge = {"body": "x" * MAX_PAGE_BYTES}

    assert fit([huge], has_more=False) == ([huge], False)


def test_a_page_that_fits_is_left_alone():
    assert [fit([{}, {}], has_more=more) for more in (True, False)] == [([{}, {}], True), ([{}, {}], False)]
