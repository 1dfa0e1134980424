"""Sentences and passages are verbatim pieces of the text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.engines.embedded.search.passages import PASSAGE_WORDS, split_passages
from ticketflow.engines.embedded.sentences import find_sentences, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Ask Dr. Who, e.g. today. Then go.", ["Ask Dr. Who, e.g. today.", "Then go."]),
        ("It costs 3.50 euros. Really.", ["It costs 3.50 euros.", "Really."]),
        ("First line\nwraps here. Next", ["First line\nwraps here.", "Next"]),
        ("Steps:\n- Open it\n- Close it", ["Steps:", "- Open it", "- Close it"]),
        ("你好。再见。", ["你好。", "再见。"]),
        ("", []),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


@given(st.text())
def test_sentences_never_overlap_and_are_never_blank(text):
    spans = find_sentences(text)

    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_passages_end_where_sentences_end():
    text = " ".join(f"This is sentence number {n} of this article." for n in range(75))

    passages = split_passages("Title", text)

    assert len(passages) == 5
    assert all(len(passage.split()) <= PASSAGE_WORDS and passage.endswith(".") for passage in passages)


def test_an_endless_sentence_is_cut_between_words():
    passages = split_passages("Title", "word " * 400)

    assert [len(passage.split()) for passage in passages] == [150, 150, 100]


def test_a_first_line_that_repeats_the_title_is_left_out():
    assert split_passages("Returns", "# Returns\n\nSend it back.") == ["Send it back."]


@given(st.text())
def test_passages_are_verbatim(text):
    assert all(passage in text for passage in split_passages("Title", text))
