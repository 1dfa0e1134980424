"""The index follows what articles say now."""

import numpy as np

from ticketflow.engines.embedded.search.asking import read_asked
from ticketflow.engines.embedded.search.index import PassageIndex
from ticketflow.engines.embedded.search.passages import IndexedArticle, embed_article, find_starts, split_passages
from ticketflow.engines.embedded.search.words import tokenize


class AxisEncoder:
    """Gives known words an axis each."""

    name = "axes"
    known = ("parcel", "password", "refund")

    def encode(self, texts):
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[3] = 0.1
            for axis, word in enumerate(self.known):
                row[axis] = float(word in text.lower())
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def article(article_id, version, title, *passages):
    starts = find_starts("\n".join(passages), passages)
    return IndexedArticle(article_id, version, title, passages, starts, embed_article(AxisEncoder(), title, passages))


def find(index, text, limit=5):
    asked = read_asked(text)
    return index.find(asked.windows, asked.build_vectors(AxisEncoder().encode(asked.texts)), limit)


def search(index, text, limit=5):
    return [each.article.article_id for each in find(index, text, limit)]


def test_the_nearest_article_comes_first_and_each_once():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password.", "The password is long."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    assert search(index, "my password") == ["p", "t"]
    assert search(index, "my parcel", limit=1) == ["t"]


def test_words_of_the_title_speak_for_a_passage():
    index = PassageIndex()
    index.replace(article("a", 1, "Lion", "One page is here."))
    index.replace(article("b", 1, "Zebra", "One page is here."))

    assert search(index, "zebra") == ["b", "a"]
    assert search(index, "lion") == ["a", "b"]


def test_a_new_version_takes_the_place_of_the_old():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))
    search(index, "password")

    index.replace(article("p", 2, "Password", "The password page has moved."))

    (found,) = find(index, "password")
    assert (found.article.version, found.article.passages[found.ordinal]) == (2, "The password page has moved.")
    assert index.versions == {"p": 2}


def test_a_removed_article_is_not_found():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))
    assert search(index, "password") == ["p"]

    index.remove("p")
    index.remove("unknown")

    assert search(index, "password") == []
    assert len(index) == 0


def test_the_order_of_loading_does_not_matter():
    articles = [
        article("a", 1, "Refund", "A refund."),
        article("b", 1, "Refund", "A refund."),
        article("c", 1, "Parcel", "x"),
    ]
    forwards, backwards = PassageIndex(), PassageIndex()
    for each in articles:
        forwards.replace(each)
    for each in reversed(articles):
        backwards.replace(each)

    assert search(forwards, "refund") == search(backwards, "refund") == ["a", "b", "c"]


def test_what_speaks_for_an_article_does_not_depend_on_the_limit():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))
    index.replace(article("r", 1, "Refund", "A refund of a parcel."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    found = find(index, "track my parcel", 3)

    assert [each.article.article_id for each in found] == ["t", "r", "p"]
    assert [find(index, "track my parcel", limit) for limit in (0, 1, 2)] == [[], found[:1], found[:2]]


def test_the_first_leads_and_the_others_trail():
    index = PassageIndex()
    index.replace(article("r", 1, "Refund", "A refund of a parcel."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    first, second = find(index, "track my parcel", 2)

    assert first.evidence.lead == -second.evidence.lead > 0
    assert first.evidence.overlap_lead == -second.evidence.overlap_lead > 0


def test_the_only_article_has_no_lead():
    index = PassageIndex()
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    (only,) = find(index, "track my parcel")

    assert (only.evidence.lead, only.evidence.overlap_lead) == (0.0, 0.0)


def test_words_that_few_articles_have_are_rare():
    index = base()
    index.replace(article("q", 1, "Parcel stamps", "A parcel needs a stamp."))

    rare, common = (find(index, text, 1)[0].evidence.rarity for text in ("my password", "my parcel"))

    assert rare > common > 0


def test_a_question_is_compared_with_the_title_by_itself():
    index = PassageIndex()
    index.replace(article("t", 1, "Track a parcel", "Where it is."))

    whole, other = (find(index, text, 1)[0].evidence.title for text in ("track a parcel", "password"))

    assert whole > 0.9 > other


def base():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))
    index.replace(article("r", 1, "Refund", "A refund is paid."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))
    return index


def test_what_is_written_around_a_question_does_not_change_how_sure_its_answer_is():
    story = "We came home last night and the house was cold. " * 3

    bare, wrapped = (
        find(base(), text)[0] for text in ("How do I track my parcel?", f"Hello {story}How do I track my parcel?")
    )

    assert wrapped.article.article_id == bare.article.article_id == "t"
    assert wrapped.confidence == bare.confidence


def test_of_two_questions_each_has_its_article():
    text = "How do I track my parcel? And when is my refund paid to me?"
    asked = read_asked(text)

    found = {each.article.article_id: each for each in find(base(), text)}

    assert [asked.parts[place] for place in found["t"].spoken_to] == ["How do I track my parcel?"]
    assert [asked.parts[place] for place in found["r"].spoken_to] == ["And when is my refund paid to me?"]
    assert not found["p"].spoken_to


def test_passages_begin_where_they_are_in_the_text():
    assert find_starts("one. two. one. end", ["one.", "two.", "one.", "two."]) == (0, 5, 10, 5)


def test_an_article_without_text_is_held_but_never_found():
    index = PassageIndex()
    index.replace(article("e", 3, "Empty"))

    assert index.versions == {"e": 3}
    assert search(index, "empty") == []


def test_unknown_words_search_by_meaning_alone():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))

    assert search(index, "") == ["p"]
    assert tokenize("It's a Test-case, ok?") == ["it", "test", "case", "ok"]


def test_a_policy_inside_a_procedure_for_staff_is_a_passage_of_its_own():
    policy = "Valid payment methods are credit card, debit card and PayPal."
    procedure = f"Ask the customer for their full name. {policy} Tell them to wait. Then click [Verify Identity]."

    assert split_passages("Status Payment Method", procedure) == [procedure, policy]
    assert split_passages("Paying", f"We are here for you. {policy}") == [f"We are here for you. {policy}"]
