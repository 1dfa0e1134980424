"""The list of mutants fits the tree as it stands; ``make mutants`` tries them."""

import pytest

from tests.mutants.catalogue import REPOSITORY, Mutant, StaleMutantError, read_places

PLACES = read_places()
MUTANTS = [mutant for place in PLACES for mutant in place.mutants]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.file)
def test_every_mutant_can_be_put_in_its_place(place):
    source = (REPOSITORY / place.file).read_text()

    for mutant in place.mutants:
        mutant.apply(source)


def test_the_tests_of_every_place_are_there():
    named = {test.partition("::")[0] for place in PLACES for test in place.tests}

    assert [path for path in sorted(named) if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("source", ["b = 1", "a = 1 or a = 1"])
def test_a_mutant_whose_text_is_not_there_once_says_so(source):
    with pytest.raises(StaleMutantError, match=r"x\.py: harm(.|\n)* times; write it anew"):
        Mutant("x.py", "harm", "a =", "c =").apply(source)


def test_a_mutant_that_leaves_no_python_says_so():
    with pytest.raises(StaleMutantError, match="is no Python"):
        Mutant("x.py", "harm", "a =", "a = =").apply("a = 1")
