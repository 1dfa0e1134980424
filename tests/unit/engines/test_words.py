"""Words a question shares with an article, rare ones above all."""

import pytest

from ticketflow.engines.embedded.search.words import (
    count_articles,
    find_content_words,
    find_names,
    measure_overlap,
    stem,
    weigh_words,
)


def test_content_words_leave_out_numbers_and_little_words():
    assert find_content_words("Where is the parcel LC-204518 with my parcels?") == ["parcel", "lc"]


@pytest.mark.parametrize(("word", "expected"), [("returned", "return"), ("sizes", "siz"), ("bus", "bus"), ("is", "is")])
def test_endings_are_cut_when_enough_is_left(word, expected):
    assert stem(word) == expected


def test_a_rare_word_weighs_more():
    articles = [{"refund", "card"}, {"refund", "paypal"}, {"refund"}]
    known = count_articles(articles)

    weights = weigh_words(["refund", "paypal"], known, len(articles))
    overlaps = [measure_overlap(weights, article) for article in articles]

    assert overlaps[1] == 1.0
    assert 0 < overlaps[0] == overlaps[2] < 0.5


def test_no_content_words_give_no_overlap():
    assert measure_overlap({}, {"refund"}) == 0.0


def test_names_are_what_is_written_with_capitals_within_sentences():
    articles = [
        "Share a YouTube video. Videos on Vimeo differ.",
        "Open Settings, then YouTube.",
        "Your settings. My settings.",
    ]

    assert find_names(articles) == {"youtube", "vimeo"}
