"""Whether the right article is found, and whether tickets are answered from it, and only then, in a person's words."""

from collections.abc import Sequence

import numpy as np

from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import expected_calibration_error, reliability, similarity
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome

RANKS = (1, 3, 5)


def measure_search(rows: Sequence[Row], outcomes: Sequence[Outcome], yardstick: Yardstick) -> Measured:
    """Rank the right article among those found; rows that no article answers do not count."""
    ranks = [_rank(row, outcome, yardstick) for row, outcome in zip(rows, outcomes, strict=True)]
    rowwise = {f"recall@{limit}": hits([each and 0 < each <= limit for each in ranks]) for limit in RANKS}
    rowwise["mrr"] = hits([each and 1 / each for each in ranks])
    return Measured(rowwise)


def measure_answers(rows: Sequence[Row], outcomes: Sequence[Outcome], yardstick: Yardstick) -> Measured:
    """Tell answers that cite a right article from others, and rows that could be answered from those that could not."""
    pairs = list(zip(rows, outcomes, strict=True))
    can_be = np.array([bool(_present(row, yardstick)) for row in rows])
    answered = np.array([is_answered(outcome) for outcome in outcomes])
    # It cites, and nothing but right articles: of two answers one may be wrong.
    is_right = [frozenset() < cited_in(outcome) <= _present(row, yardstick) for row, outcome in pairs]
    right = answered & np.array(is_right)
    found = [outcome.state.get("passages") or [{"confidence": 0.0}] for outcome in outcomes]
    confidence = np.array([float(passages[0]["confidence"]) for passages in found])
    is_best = np.array([_rank(row, outcome, yardstick) == 1 for row, outcome in pairs], dtype=np.float64)
    return Measured(
        rowwise={
            "answer_precision": np.where(answered, right, np.nan),
            "answer_coverage": np.where(can_be, right, np.nan),
            "answered_of_answerable": np.where(can_be, answered, np.nan),
            "answered_without_article": np.where(can_be, np.nan, answered),
        },
        overall={"answer_ece": expected_calibration_error(reliability(confidence, is_best))},
        certainty={"best article": (confidence, is_best)},
    )


def measure_resolutions(rows: Sequence[Row], outcomes: Sequence[Outcome], _: Yardstick) -> Measured:
    """Compare how tickets came out with how they should."""
    pairs = [(str(row.gold.resolution), resolution_of(each)) for row, each in zip(rows, outcomes, strict=True)]
    right = hits([wanted == got for wanted, got in pairs])
    return Measured(rowwise={"resolution_accuracy": right}, pairs={"resolution": pairs})


def measure_letters(rows: Sequence[Row], outcomes: Sequence[Outcome], _: Yardstick) -> Measured:
    """Compare the reply with what was sent, and so the draft of then, where the data has it."""
    replies = [reply_of(outcome) for outcome in outcomes]
    sent = [row.gold.sent or "" for row in rows]
    former = [row.gold.draft for row in rows]
    pairs = list(zip(replies, sent, strict=True))
    then = list(zip(former, sent, strict=True))
    return Measured(
        rowwise={
            "sent_unchanged": hits([_tidy(reply) == _tidy(letter) for reply, letter in pairs]),
            "sent_similarity": hits([similarity(reply, letter) for reply, letter in pairs]),
            "former_unchanged": hits(
                [None if draft is None else _tidy(draft) == _tidy(letter) for draft, letter in then]
            ),
            "former_similarity": hits([None if draft is None else similarity(draft, letter) for draft, letter in then]),
        }
    )


def resolution_of(outcome: Outcome) -> str:
    """Return how a ticket came out at its last step: finalize may take an answer back that draft gave."""
    result = outcome.state.get("result")
    return str(result["resolution"] if result else outcome.state.get("resolution", "routed"))


def is_answered(outcome: Outcome) -> bool:
    """Tell whether the customer would get an answer."""
    return outcome.error is None and resolution_of(outcome) == "answered"


def cited_in(outcome: Outcome) -> frozenset[str]:
    """Return the ids of the articles that the reply cites."""
    return frozenset(citation["article_id"] for citation in outcome.state.get("citations") or ())


def _present(row: Row, yardstick: Yardstick) -> frozenset[str]:
    """Return the articles that answer a row and are in the knowledge base."""
    gold = row.gold.articles or frozenset()
    return gold if yardstick.articles is None else gold & yardstick.articles


def _rank(row: Row, outcome: Outcome, yardstick: Yardstick) -> int | None:
    """Return the place of the first right article from 1, 0 if it was not found, ``None`` if there is none."""
    present = _present(row, yardstick)
    found = [passage["article_id"] for passage in outcome.state.get("passages", [])]
    return next((place for place, each in enumerate(found, start=1) if each in present), 0) if present else None


def reply_of(outcome: Outcome) -> str:
    """Return what the customer would read, as far as the steps came."""
    return str(outcome.state.get("final_response") or outcome.state.get("draft") or "")


def _tidy(text: str) -> str:
    return " ".join(text.split())


SEARCH = Section("research", ("research",), lambda row: row.gold.articles is not None, measure_search)
ANSWERS = Section("answers", ("draft", "finalize"), lambda row: row.gold.articles is not None, measure_answers)
RESOLUTIONS = Section(
    "resolution", ("draft", "finalize"), lambda row: row.gold.resolution is not None, measure_resolutions
)
LETTERS = Section("letters", ("draft", "finalize"), lambda row: row.gold.sent is not None, measure_letters)
