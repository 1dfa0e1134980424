"""When a person looks at a draft before it is final, what they can decide, and what becomes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from ticketflow.workflow.state import Problem, Resolution

ApprovalMode = Literal["never", "unsure", "always"]
Action = Literal["accept", "edit", "reject", "ignore"]
DefaultAction = Literal["route", "accept", "ignore"]
Reason = Literal["always", "escalated", "unsure", "rejected"]


class ApprovalRequest(TypedDict):
    """What a person is asked, kept with the ticket from the moment it begins to wait.

    Attributes:
        reasons: Why: ``always`` everything is looked at, ``escalated`` review found what it could not have
            mended, ``unsure`` the writer was, ``rejected`` a person sent the draft before this one back.
        timeout_s: How long they have, in seconds.
        default_action: What is done when they say nothing in that time.
        rejected_to: The step that does its work again when they reject it.
    """

    reasons: list[Reason]
    timeout_s: float
    default_action: DefaultAction
    rejected_to: str


class Decision(TypedDict):
    """What is to become of the draft the ticket has now.

    Attributes:
        action: ``accept`` makes the draft final, ``edit`` makes ``final_response`` final instead,
            ``ignore`` sends nothing, ``route`` sends an acknowledgement.
        final_response: The edited reply; only with ``edit``.
        by: Id of the API key that decided, or ``None`` when nobody did in time.
    """

    action: Literal["accept", "edit", "ignore", "route"]
    final_response: NotRequired[str]
    by: str | None


class Rejection(TypedDict):
    """That a person sent a draft back; they look at the next one too.

    Attributes:
        by: Id of their API key.
        problems: What they said, and every quote they have turned down so far.
    """

    by: str | None
    problems: list[Problem]


class Approval(TypedDict, total=False):
    """Keys that come from people, not from a step; a rewind drops them."""

    approval_request: ApprovalRequest
    decision: Decision
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Which drafts wait for a person, and for how long.

    Attributes:
        mode: ``never`` none, ``unsure`` those the engine is not sure of, ``always`` all.
        sure_from: Confidence from which an answer counts as sure, in [0, 1].
        timeout_s: Seconds a draft waits.
        default_action: What is done then: an unapproved answer is not sent unless this says so.
    """

    mode: ApprovalMode = "never"
    sure_from: float = 0.0
    timeout_s: float = 86_400.0
    default_action: DefaultAction = "route"

    def list_reasons(self, verdict: str, resolution: Resolution, confidence: float) -> list[Reason]:
        """List why a person is to look at a reviewed draft; empty when none has to.

        Args:
            verdict: What review said: ``approve`` or ``escalate``.
            resolution: ``answered`` or ``routed``.
            confidence: How sure the writer was of an answer.
        """
        if self.mode == "never":
            return []
        is_unsure = resolution == "answered" and confidence < self.sure_from
        found: dict[Reason, bool] = {
            "always": self.mode == "always",
            "escalated": verdict == "escalate",
            "unsure": is_unsure,
        }
        return [reason for reason, holds in found.items() if holds]


@dataclass(frozen=True, slots=True)
class Gate:
    """A person stands before a step, and it does not run until they have decided.

    Attributes:
        is_shut: Tells from a ticket's state whether they still have to.
        rejected_to: The step that does its work again when they reject what they see.
    """

    is_shut: Callable[[Mapping[str, Any]], bool]
    rejected_to: str

    def ask(self, state: Mapping[str, Any], policy: ApprovalPolicy) -> ApprovalRequest:
        """Write down what a person is asked."""
        return {
            "reasons": state.get("approval_reasons", []),
            "timeout_s": policy.timeout_s,
            "default_action": policy.default_action,
            "rejected_to": self.rejected_to,
        }


def awaits_decision(state: Mapping[str, Any]) -> bool:
    """Tell whether review wants a person to decide about the draft and nobody has."""
    return state.get("approval") == "wanted" and "decision" not in state
