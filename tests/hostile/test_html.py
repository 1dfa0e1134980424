import re

import pytest

from tests.hostile.shapes import LIMIT_S, MEGABYTE, SHAPES, build_text, find_overrun, find_slow
from ticketflow.markup.blocks import write_text
from ticketflow.markup.page_text import PageText

# What a tree takes for ever to build: each closing tag looks through all that are open.
NESTED = [("<div>", "</p>"), ("<x>", "</y>"), ("<div>", "<p>"), ("<b>", "</i>"), ("<a>", "<p><font>")]


def test_a_page_of_any_shape_is_read_in_a_second():
    marked = [shape for shape in SHAPES if re.search("[<&]", build_text(shape, 1000))]

    assert find_slow(PageText, ["words", "newlines", *marked], MEGABYTE) == {}


@pytest.mark.parametrize(("opened", "then"), NESTED)
def test_a_page_that_nests_without_end_is_read_in_a_second(opened, then):
    def build(size: int) -> str:
        return opened * (size // 2 // len(opened)) + then * (size // 2 // len(then))

    assert not find_overrun(PageText, build, MEGABYTE, LIMIT_S)


@pytest.mark.parametrize("page", ["<![foo]>", "<![", "<!", "<?", "</", "<![CDATA[x", "&#", "&#xffffffffff;", "<a b='"])
def test_what_no_page_should_hold_is_read_all_the_same(page):
    assert write_text(PageText(f"<p>before</p>{page}").blocks).startswith("before")


def test_a_number_that_is_no_character_makes_none_that_could_not_be_stored():
    assert write_text(PageText("<p>&#0;&#xD800;&#55357;</p>").blocks) == "\N{REPLACEMENT CHARACTER}" * 3
