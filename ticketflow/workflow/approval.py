"""When a person looks at a draft before it is final, and what they can decide."""

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from ticketflow.workflow.state import Resolution

ApprovalMode = Literal["never", "unsure", "always"]
Action = Literal["accept", "edit", "reject", "ignore"]
DefaultAction = Literal["route", "accept", "ignore"]


class Decision(TypedDict):
    """What was decided about a draft; stored with the ticket.

    Attributes:
        action: ``accept`` sends the draft, ``edit`` sends ``final_response`` instead, ``reject``
            goes back to draft, ``ignore`` sends nothing, ``route`` sends an acknowledgement.
        final_response: The edited reply; only with ``edit``.
        note: Why, in the person's words; a rejected draft's writer reads it.
        by: Id of the API key that decided, or ``None`` when nobody did in time.
    """

    action: Action | Literal["route"]
    final_response: NotRequired[str]
    note: NotRequired[str]
    by: str | None


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Which drafts wait for a person.

    Attributes:
        mode: ``never`` none, ``unsure`` those the engine is not sure of, ``always`` all.
        sure_from: Confidence from which an answer counts as sure, in [0, 1].
    """

    mode: ApprovalMode = "never"
    sure_from: float = 0.0

    def wants_person(self, verdict: str, resolution: Resolution, confidence: float) -> bool:
        """Tell whether a person is to look at a reviewed draft.

        Args:
            verdict: What review said: ``approve`` or ``escalate``.
            resolution: ``answered`` or ``routed``.
            confidence: How sure the writer was of an answer.
        """
        if self.mode == "unsure":
            return verdict == "escalate" or (resolution == "answered" and confidence < self.sure_from)
        return self.mode == "always"
