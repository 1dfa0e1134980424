"""Step 6: what the customer gets, and the result a caller reads."""

from typing import Literal, NotRequired, TypedDict

from ticketflow.mail.machine import Reason as IgnoreReason
from ticketflow.workflow.approval import Decision, awaits_decision
from ticketflow.workflow.ports import Handover, Tools
from ticketflow.workflow.state import Citation, Passage, Resolution, SimilarTicket
from ticketflow.workflow.steps.checks import ReviewInput
from ticketflow.workflow.steps.draft import build_brief, name_handover
from ticketflow.workflow.steps.review import Review, Scores

# Three titles are read at a glance. Shop tickets in benchmarks/data, dev part: of 31 articles from
# 0.3 on 24 are the right one, of the 189 below one is.
MAX_SUGGESTIONS = 3
MIN_SUGGESTION_CONFIDENCE = 0.3

Action = Literal["accept", "edit", "ignore", "route"]


class FinalizeInput(ReviewInput, Review):  # type: ignore[misc]
    """Keys ``finalize`` reads; the last one is there once somebody decided, or their time was up."""

    decision: NotRequired[Decision]


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
        resolution: ``answered``, ``routed``, or ``ignored`` when nothing is sent.
        reason: Why it was ignored, or went to a person at once; ``None`` for any other, and when a person decided so.
        team: Who has the ticket now: whoever has to answer what is left, or owns its category.
        revisions: How many drafts were written.
        verdict: What review said last.
        decided_by: ``person``, or ``timeout`` when none decided in time; ``None`` if none was asked.
        edited: Whether a person changed the draft.
        completeness: How much of the question is addressed, in [0, 1].
        handed_over: What of an answered ticket the team has to answer yet, in the customer's words.
        scores: What review thought of the last draft, also of one that was not sent.
        suggestions: Up to three articles worth a look, the cited one first, then the likeliest.
        similar_tickets: Up to three tickets like this one whose answers a person approved.
    """

    resolution: Resolution
    reason: IgnoreReason | Handover | None
    team: str
    revisions: int
    verdict: str
    decided_by: Literal["person", "timeout"] | None
    edited: bool
    completeness: float
    handed_over: list[str]
    scores: Scores
    suggestions: list[Suggestion]
    similar_tickets: list[SimilarTicket]


class Final(TypedDict):
    """Keys added by ``finalize``; nothing goes out when ``final_response`` is ``None``."""

    final_response: str | None
    citations: list[Citation]
    result: Result


def finalize(state: FinalizeInput, tools: Tools) -> Final:
    """Make the draft final, or what a person wants instead of it."""
    action = choose_action(state)
    if action == "route":
        reply = tools.writer.acknowledge(build_brief(state))
        return {"final_response": reply.text, "citations": [], "result": _result(state, "routed", 0.0)}
    if action == "ignore":
        return {"final_response": None, "citations": [], "result": _result(state, "ignored", 0.0)}
    text = state["decision"]["final_response"] if action == "edit" else state["draft"]
    return {
        "final_response": text,
        "citations": [citation for citation in state["citations"] if citation["quote"] in text],
        "result": _result(state, state["resolution"], state["completeness"]),
    }


def choose_action(state: FinalizeInput) -> Action:
    """Tell what becomes of the draft.

    A draft that was to wait for a person and did not, as in a run in process, counts as accepted. One that
    review found unfit goes out only if a person says so: no timeout accepts it.
    """
    is_unfit = state["verdict"] == "escalate"
    decision = state.get("decision")
    if decision is None and state.get("ignored"):
        return "ignore"
    if decision is None:
        return "route" if is_unfit and not awaits_decision(state) else "accept"
    is_by_default = decision["action"] == "accept" and decision["by"] is None
    return "route" if is_unfit and is_by_default else decision["action"]


def _result(state: FinalizeInput, resolution: Resolution, completeness: float) -> Result:
    decision = state.get("decision")
    return {
        "resolution": resolution,
        "reason": _find_reason(state, resolution),
        "team": state["team"],
        "revisions": state["revision"],
        "verdict": state["verdict"],
        "decided_by": None if decision is None else "person" if decision["by"] else "timeout",
        "edited": decision is not None and decision["action"] == "edit",
        "completeness": completeness,
        "handed_over": state.get("unanswered", []) if resolution == "answered" else [],
        "scores": state["scores"],
        "suggestions": list_suggestions(state["passages"], state["citations"] if resolution == "answered" else []),
        "similar_tickets": state.get("similar_tickets", []),  # research of earlier releases found none
    }


def _find_reason(state: FinalizeInput, resolution: Resolution) -> IgnoreReason | Handover | None:
    if resolution == "ignored":
        return state.get("ignored")
    return name_handover(state["reasons"]) if resolution == "routed" else None


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
