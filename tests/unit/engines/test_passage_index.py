"""The index follows what articles say now."""

import numpy as np

from ticketflow.engines.embedded.knowledge import IndexedArticle, PassageIndex, embed_passages, split_passages
from ticketflow.engines.embedded.words import tokenize


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
    return IndexedArticle(article_id, version, title, passages, embed_passages(AxisEncoder(), title, passages))


def search(index, text, limit=5):
    return [each["article_id"] for each in index.search(AxisEncoder().encode([text])[0], text, limit)]


def test_the_nearest_article_comes_first_and_each_once():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password.", "The password is long."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    assert search(index, "my password") == ["p", "t"]
    assert search(index, "my parcel", limit=1) == ["t"]


def test_a_new_version_takes_the_place_of_the_old():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))
    search(index, "password")

    index.replace(article("p", 2, "Password", "The password page has moved."))

    found = index.search(AxisEncoder().encode(["password"])[0], "password", 5)
    assert [(each["article_version"], each["text"]) for each in found] == [(2, "The password page has moved.")]
    assert index.versions == {"p": 2}


def test_a_removed_article_is_not_found():
    index = PassageIndex()
    index.replace(article("p", 1, "Password", "Reset the password."))

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
    vectors = AxisEncoder().encode(["track my parcel"])

    found = index.search(vectors, "track my parcel", 3)

    assert [each["article_id"] for each in found] == ["t", "r", "p"]
    assert [index.search(vectors, "track my parcel", limit) for limit in (0, 1, 2)] == [[], found[:1], found[:2]]
    assert [article_id for article_id, _ in index.weigh(vectors, "track my parcel")] == ["t", "r", "p"]


def test_the_first_leads_and_the_others_trail():
    index = PassageIndex()
    index.replace(article("r", 1, "Refund", "A refund of a parcel."))
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    (_, first), (_, second) = index.weigh(AxisEncoder().encode(["track my parcel"]), "track my parcel")

    assert first.lead == -second.lead > 0
    assert first.overlap_lead == -second.overlap_lead > 0


def test_the_only_article_has_no_lead():
    index = PassageIndex()
    index.replace(article("t", 1, "Parcel", "Track the parcel."))

    ((_, evidence),) = index.weigh(AxisEncoder().encode(["track my parcel"]), "track my parcel")

    assert (evidence.lead, evidence.overlap_lead) == (0.0, 0.0)


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
