"""Articles of any shape are read in time that grows with them and no faster."""

from functools import partial

import pytest

from tests.hostile.shapes import LIMIT_S, SHAPES, find_slow
from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import read_article

# Markdown and reStructuredText are read by parsers in Python, which take ten times as long as what we read ourselves;
# an article of 200,000 characters, the most there may be, has ten seconds in its worst shape.
CHARACTERS = 20_000
# docutils takes twice as long again.
CHARACTERS_OF = {"rst": 5_000}


def read(text: str, kind: str) -> None:
    try:
        read_article(text, kind)
    except InvalidInputError:
        return  # it is refused in time


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["markdown", "mdx", "rst"])
def test_an_article_of_any_shape_is_read_in_linear_time(kind):
    assert find_slow(partial(read, kind=kind), SHAPES, CHARACTERS_OF.get(kind, CHARACTERS), LIMIT_S) == {}


def test_what_is_longer_than_an_article_may_be_is_not_even_read():
    with pytest.raises(InvalidInputError, match="longer"):
        read_article("[" * 1_000_000, "markdown")
