"""Step 6: what the customer gets, and the result a caller reads."""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Citation, Passage, Resolution
from ticketflow.workflow.steps.checks import ReviewInput
from ticketflow.workflow.steps.draft import build_brief
from ticketflow.workflow.steps.review import Review

# Three titles are read at a glance. Shop tickets in benchmarks/data, dev part: of 31 articles from
# 0.3 on 24 are the right one, of the 189 below one is.
MAX_SUGGESTIONS = 3
MIN_SUGGESTION_CONFIDENCE = 0.3


class FinalizeInput(ReviewInput, Review):  # type: ignore[misc]
    """Keys ``finalize`` reads."""


class Suggestion(TypedDict):
    """An article that may help whoever answers next.

    Attributes:
        article_id: UUID in text form.
        article_version: The version that was searched.
        title: The article's title.
        confidence: How likely it answers the ticket, in [0, 1].
    """

    article_id: str
    article_version: int
    title: str
    confidence: float


class Result(TypedDict):
    """How the ticket came out, for callers.

    Attributes:
        resolution: ``answered`` or ``routed``.
        team: Who has the ticket now, or owns its category.
        revisions: How many drafts were written.
        verdict: What review said last.
        completeness: How much of the question is addressed, in [0, 1].
        suggestions: Up to three articles worth a look, the cited one first, then the likeliest.
    """

    resolution: Resolution
    team: str
    revisions: int
    verdict: str
    completeness: float
    suggestions: list[Suggestion]


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
        "suggestions": list_suggestions(state["passages"], state["citations"] if resolution == "answered" else []),
    }


def list_suggestions(passages: list[Passage], citations: list[Citation]) -> list[Suggestion]:
    """List the likely articles, the cited one first; an equally likely one keeps its place in the search."""
    cited = {citation["article_id"] for citation in citations}
    likely = [each for each in passages if each["confidence"] >= MIN_SUGGESTION_CONFIDENCE]
    ordered = sorted(likely, key=lambda each: (each["article_id"] not in cited, -each["confidence"]))
    return [
        Suggestion(
            article_id=each["article_id"],
            article_version=each["article_version"],
            title=each["title"],
            confidence=each["confidence"],
        )
        for each in ordered[:MAX_SUGGESTIONS]
    ]
