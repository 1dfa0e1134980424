"""How much of a draft somebody wrote down before: quotes of articles and the operator's own letters."""

import re

from ticketflow.workflow.letters import Letters
from ticketflow.workflow.steps.draft import Draft, DraftInput


class Drafted(DraftInput, Draft):  # type: ignore[misc]  # draft's keys are all there by now
    """A ticket with a draft."""


_BREAK = re.compile(r"(?<=[.!?…:])[\"'”’»)]*\s+|\n+")
_LETTER = re.compile(r"[^\W\d_]")


def list_own_sentences(state: Drafted, letters: Letters) -> list[str]:
    """List the sentences of a draft that are neither quotes nor phrases of a letter."""
    rest = state["draft"]
    for quote in sorted((citation["quote"] for citation in state["citations"]), key=len, reverse=True):
        rest = rest.replace(quote, "\n") if quote else rest
    return _split(letters.take_out(rest, state["language"], state["team"]))


def measure_grounding(state: Drafted, own: list[str]) -> float:
    """Return the share of a draft's letters that is quoted or a phrase, in [0, 1]."""
    whole = len(_LETTER.findall(state["draft"]))
    return round(1 - len(_LETTER.findall("".join(own))) / whole, 4) if whole else 0.0


def _split(text: str) -> list[str]:
    return [sentence for each in _BREAK.split(text) if _LETTER.search(sentence := each.strip())]
