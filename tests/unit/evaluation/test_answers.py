import pytest

from tests.unit.evaluation.build import build_outcome, build_row
from ticketflow.evaluation.answers import ANSWERS, LETTERS, RESOLUTIONS, SEARCH
from ticketflow.evaluation.measured import Yardstick


def found(*ids, confidence=0.9):
    return [{"article_id": each, "confidence": confidence} for each in ids]


def outcome(*ids, cites=None, final=None):
    citations = [] if cites is None else [{"article_id": cites}]
    state = {"passages": found(*ids), "citations": citations, "resolution": "answered" if cites else "routed"}
    return build_outcome(**state, **({"result": {"resolution": final}} if final else {}))


def test_recall_and_reciprocal_rank_of_the_right_article():
    rows = [build_row(gold="a"), build_row(gold="a"), build_row(gold=["a", "b"]), build_row(gold="z")]
    outcomes = [outcome("a", "b"), outcome("b", "c", "a"), outcome("c", "b"), outcome("a", "b")]

    figures = SEARCH.measure_all(rows, outcomes, Yardstick()).figures()

    assert (figures["recall@1"], figures["recall@3"], figures["recall@5"]) == (0.25, 0.75, 0.75)
    assert figures["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 2 + 0) / 4)


def test_rows_that_no_article_answers_do_not_count_for_recall():
    rows = [build_row(gold="a"), build_row(gold=None), build_row(gold="gone")]

    measured = SEARCH.measure_all(rows, [outcome("a")] * 3, Yardstick(articles=frozenset({"a"})))

    assert measured.figures()["recall@1"] == 1.0


def test_answers_are_judged_by_what_they_cite_and_whether_they_could_be_given():
    rows = [build_row(gold="a")] * 4 + [build_row(gold="gone")] * 4
    outcomes = [
        outcome("a", cites="a"), outcome("a", cites="a"), outcome("b", cites="b"), outcome("a"),
        outcome("a", cites="a"), outcome("a"), outcome("a"), outcome("a"),
    ]  # fmt: skip

    figures = ANSWERS.measure_all(rows, outcomes, Yardstick(articles=frozenset({"a", "b"}))).figures()

    assert figures["answer_precision"] == 0.5  # 2 right of 4 answered
    assert figures["answer_coverage"] == 0.5  # 2 right of 4 answerable
    assert figures["answered_of_answerable"] == 0.75
    assert figures["answered_without_article"] == 0.25


def test_an_answer_that_the_last_step_took_back_was_not_given():
    figures = ANSWERS.measure_all(
        [build_row(gold="a")], [outcome("a", cites="a", final="routed")], Yardstick()
    ).figures()

    assert figures["answered_of_answerable"] == 0.0
    assert "answer_precision" not in figures


def test_a_row_whose_step_failed_was_not_answered():
    failed = build_outcome(
        error="review: away", passages=found("a"), resolution="answered", citations=[{"article_id": "a"}]
    )

    assert ANSWERS.measure_all([build_row(gold="a")], [failed], Yardstick()).figures()["answer_coverage"] == 0.0


def test_resolutions_are_compared_with_what_they_should_be():
    rows = [build_row(resolution="answered"), build_row(resolution="routed")]

    measured = RESOLUTIONS.measure_all(rows, [outcome("a", cites="a")] * 2, Yardstick())

    assert measured.figures() == {"resolution_accuracy": 0.5}


def test_a_reply_is_compared_with_what_was_sent_and_so_is_the_draft_of_then():
    rows = [build_row(sent="We send it today", draft="We send it"), build_row(sent="We send it today")]
    outcomes = [build_outcome(draft="We send  it today"), build_outcome(draft="x", final_response="Bye")]

    figures = LETTERS.measure_all(rows, outcomes, Yardstick()).figures()

    assert (figures["sent_unchanged"], figures["sent_similarity"]) == (0.5, 0.5)
    assert (figures["former_unchanged"], figures["former_similarity"]) == (0.0, pytest.approx(6 / 7))
