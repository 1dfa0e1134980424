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
    join_quotes,
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


def test_a_short_passage_of_several_paragraphs_is_quoted_whole():
    text = "Open the page of the plan to change it.\n\nGoing back is possible when the year ends."

    assert quote(text, Open_the=0.9) == [
        "Open the page of the plan to change it.",
        "Going back is possible when the year ends.",
    ]
    staff = f"{text} {' '.join([PLAIN] * 3)} {STAFF}"
    assert quote(staff, Open_the=0.9) == ["Open the page of the plan to change it."]


def test_a_list_is_quoted_with_all_its_items_and_what_leads_to_it():
    text = "Do it in these steps:\n1. Open the page.\n2. Press Export.\n3. Wait.\n\nWe sell many fine shoes here."

    found = quote(text, **{"1._Open": 0.9})

    assert found == ["Do it in these steps:", "1. Open the page.", "2. Press Export.", "3. Wait."]
    assert join_quotes(found, text) == "Do it in these steps:\n1. Open the page.\n2. Press Export.\n3. Wait."


def test_a_list_is_not_filled_up_with_what_may_not_be_read():
    text = "1. Open the page there.\n2. Ask the customer for it.\n3. Wait a minute or two.\n\n"

    assert quote(text + " ".join([PLAIN] * 4), **{"1._Open": 0.9}) == ["1. Open the page there."]


def test_paragraphs_stay_apart_in_a_letter():
    text = "One is here.\n\nTwo is here. Three is here."

    assert join_quotes(["One is here.", "Two is here.", "Three is here."], text) == text


class Pointed:
    """Says how near each sentence is to two questions, ``?`` and ``!``, by how it begins."""

    name = "pointed"

    def __init__(self, **nearness: tuple[float, float]) -> None:
        self._nearness = {"?": (1.0, 0.0), "!": (0.0, 1.0), **nearness}

    def encode(self, texts):
        return np.array([self._nearness.get(text.split()[0], (0.0, 0.0)) for text in texts], dtype=np.float32)


@pytest.mark.parametrize(("near", "is_quoted"), [(0.62, True), (0.58, False)])
def test_a_second_place_is_quoted_where_it_is_so_much_nearer_to_another_question(near, is_quoted):
    filler = " ".join(["We have other things to say about shoes."] * 12)
    text = f"First comes what is said well.\n\n{filler}\n\nSecond comes what else is said."
    encoder = Pointed(First=(0.9, 0.5), Second=(0.0, near))

    found = choose_quotes(encoder, ["?", "!"], fake_passage(text=text), ())

    assert found[0] == "First comes what is said well."
    assert ("Second comes what else is said." in found) is is_quoted
    assert len(found) == 1 + is_quoted
