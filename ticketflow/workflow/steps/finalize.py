"""Step 6: what the customer gets, and the result a caller reads."""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Citation, Resolution
from ticketflow.workflow.steps.draft import build_brief
from ticketflow.workflow.steps.review import Review, ReviewInput


class FinalizeInput(ReviewInput, Review):  # type: ignore[misc]
    """Keys ``finalize`` reads."""


class Result(TypedDict):
    """How the ticket came out, for callers.

    Attributes:
        resolution: ``answered`` or ``routed``.
        team: Who has the ticket now, or owns its category.
        revisions: How many drafts were written.
        verdict: What review said last.
        completeness: How much of the question is addressed, in [0, 1].
    """

    resolution: Resolution
    team: str
    revisions: int
    verdict: str
    completeness: float


class Final(TypedDict):
    """Keys added by ``finalize``."""

    final_response: str
    citations: list[Citation]
    result: Result


def finalize(state: FinalizeInput, tools: Tools) -> Final:
    """Approve the draft as the final response; an escalated one becomes an acknowledgement."""
    if state["verdict"] == "escalate":
        reply = tools.writer.acknowledge(build_brief(state))
        return {"final_response": reply.text, "citations": [], "result": _result(state, "routed", completeness=0.0)}
    return {
        "final_response": state["draft"],
        "citations": state["citations"],
        "result": _result(state, state["resolution"], state["completeness"]),
    }


def _result(state: FinalizeInput, resolution: Resolution, completeness: float) -> Result:
    return {
        "resolution": resolution,
        "team": state["team"],
        "revisions": state["revision"],
        "verdict": state["verdict"],
        "completeness": completeness,
    }
