"""How near a reply is to what a person sent."""

from collections.abc import Sequence

from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import similarity
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome


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


def reply_of(outcome: Outcome) -> str:
    """Return what the customer would read, as far as the steps came."""
    return str(outcome.state.get("final_response") or outcome.state.get("draft") or "")


def _tidy(text: str) -> str:
    return " ".join(text.split())


LETTERS = Section("letters", ("draft", "finalize"), lambda row: row.gold.sent is not None, measure_letters)
