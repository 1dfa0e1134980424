"""The limits of what is quoted: how long, how near, how much of a passage, where it begins."""

import numpy as np
import pytest

from tests.fakes import fake_passage
from ticketflow.engines.embedded.search.quotes import (
    MAX_QUOTES,
    MAX_WORDS,
    MIN_POLICY_SIMILARITY,
    MIN_SIMILARITY,
    MIN_WORDS,
    TORN,
    WORTH,
    best_run,
    choose_quotes,
    is_internal,
    is_procedure,
    is_quotable,
)

PLAIN = "The page shows a link."
STAFF = "Ask the customer for it."
POLICY = "Valid payment methods are credit card and PayPal."


class Judged:
    """Says how near each sentence is to the question, which is asked as ``?``."""

    name = "judged"

    def __init__(self, **nearness: float) -> None:
        self._nearness = {name.replace("_", " "): near for name, near in nearness.items()}

    def encode(self, texts):
        return np.array([[1.0 if text == "?" else self._find(text)] for text in texts], dtype=np.float32)

    def _find(self, text: str) -> float:
        return next((near for begin, near in self._nearness.items() if text.startswith(begin)), 0.0)


def quote(text: str, banned=(), **nearness: float) -> list[str]:
    return choose_quotes(Judged(**nearness), ["?"], fake_passage(text=text), banned)


@pytest.mark.parametrize(
    ("words", "is_long_enough"), [(MIN_WORDS - 1, False), (MIN_WORDS, True), (MAX_WORDS, True), (MAX_WORDS + 1, False)]
)
def test_a_sentence_that_is_quoted_has_so_many_words(words, is_long_enough):
    assert is_quotable(" ".join(["word"] * words) + ".") is is_long_enough


@pytest.mark.parametrize(("staff", "plain", "expected"), [(1, 4, False), (1, 3, True), (0, 4, False)])
def test_a_passage_is_a_procedure_when_more_than_a_fifth_of_it_is_for_staff(staff, plain, expected):
    assert is_procedure(" ".join([STAFF] * staff + [PLAIN] * plain)) is expected


@pytest.mark.parametrize(("near", "is_quoted"), [(MIN_SIMILARITY, True), (MIN_SIMILARITY - 0.0002, False)])
def test_a_quote_is_near_enough_to_the_question(near, is_quoted):
    assert quote(PLAIN, The_page=near) == ([PLAIN] if is_quoted else [])


@pytest.mark.parametrize(
    ("near", "is_quoted"), [(MIN_POLICY_SIMILARITY, True), (MIN_POLICY_SIMILARITY - 0.0002, False)]
)
def test_a_policy_within_a_procedure_is_nearer(near, is_quoted):
    assert quote(f"{STAFF} {POLICY}", Valid=near) == ([POLICY] if is_quoted else [])


def test_only_what_may_be_quoted_speaks_for_a_passage():
    assert quote(f"Too short. {PLAIN} One more page is there.", Too=1.0) == []


def test_a_banned_sentence_is_not_quoted():
    other = "One more page is there."

    assert quote(f"{PLAIN} {other}", [PLAIN], The_page=0.9, One=0.5) == [other]
    assert quote(PLAIN, [PLAIN], The_page=0.9) == []


def test_personal_data_is_quoted_where_there_is_nothing_else():
    personal = "Write to jo@corp.example about it."

    assert quote(personal, Write=0.9) == [personal]


def test_the_nearest_of_several_questions_counts():
    class Two(Judged):
        def encode(self, texts):
            return np.array(
                [[0.1, 0.9] if text == PLAIN else [float(text == "?"), float(text == "!")] for text in texts]
            )

    assert choose_quotes(Two(), ["?", "!"], fake_passage(text=PLAIN), ()) == [PLAIN]


def test_a_sentence_said_twice_is_quoted_once():
    assert quote(f"{PLAIN} {PLAIN}", The_page=0.9) == [PLAIN]


def test_no_more_than_three_neighbours_make_an_answer():
    assert best_run([0.9] * 5, [True] * 5) == (0, MAX_QUOTES)


def test_of_two_runs_worth_the_same_the_first_is_taken():
    assert best_run([0.5, 0.0, 0.5], [True, False, True]) == (0, 1)
    assert best_run([0.5, WORTH], [True, True]) == (0, 1)
    assert best_run([0.5, WORTH + 0.0002], [True, True]) == (0, 2)


def test_an_answer_takes_up_the_sentence_before_if_that_costs_less_than_beginning_torn():
    leaning = [False, True]

    assert best_run([WORTH - TORN + 0.01, 0.9], [True, True], leaning) == (0, 2)
    assert best_run([WORTH - TORN - 0.01, 0.9], [True, True], leaning) == (1, 2)
    assert best_run([0.1, 0.9], [True, True], [False, False]) == (1, 2)


def test_the_first_sentence_of_a_passage_is_never_torn():
    assert best_run([0.5, 0.0, 0.45], [True, False, True], [True, False, False]) == (0, 1)


@pytest.mark.parametrize("place", ["customer area", "customer account", "customer service"])
def test_what_is_named_after_customers_is_not_spoken_of_to_staff(place):
    assert not is_internal(f"You find it in the {place} under Card data.")
    assert is_internal("Ask the customer for the card.")


def test_a_quote_never_crosses_a_blank_line():
    assert best_run([0.3, 0.2, 0.9], [True] * 3, paragraphs=[0, 0, 1]) == (2, 3)
    assert best_run([0.3, 0.5, 0.5], [True] * 3, paragraphs=[0, 1, 1]) == (1, 3)
    assert best_run([0.6, 0.5, 0.5], [True] * 3, paragraphs=[0, 1, 1]) == (0, 1)


def test_a_quote_begins_where_its_paragraph_does_if_that_costs_little():
    assert best_run([0.1, 0.6], [True] * 2, paragraphs=[0, 0]) == (0, 2)
    assert best_run([-0.2, 0.6], [True] * 2, paragraphs=[0, 0]) == (1, 2)
