"""Step 5: may this reply go out? Checks that need no judgement are made here, for any engine."""

from typing import Literal, NotRequired, TypedDict

from ticketflow.workflow.approval import Reason, Rejection
from ticketflow.workflow.ports import Reply, Tools
from ticketflow.workflow.state import Problem
from ticketflow.workflow.steps.checks import ReviewInput, check_draft
from ticketflow.workflow.steps.draft import build_brief

Verdict = Literal["approve", "revise", "escalate"]
MAX_REVISIONS = 2
# An answer that speaks to less of what was asked than this does not go out: benchmarks/data, of rightly answered
# tickets hardly any lies below it.
MIN_COMPLETENESS = 0.2
TOO_LITTLE = "the answer speaks to too little of what was asked"


class ReviewedInput(ReviewInput):
    """Keys ``review`` reads; the last one is there once a person rejected a draft."""

    rejection: NotRequired[Rejection]


class Scores(TypedDict):
    """How good a draft is, each in [0, 1].

    Attributes:
        grounding: Share of it that is quoted from an article or a fixed phrase.
        completeness: How much of the question is addressed.
        tone: 1 for a draft nobody could take offence at.
    """

    grounding: float
    completeness: float
    tone: float


class Review(TypedDict):
    """Keys added by ``review``.

    Attributes:
        verdict: ``approve``, ``revise`` (back to draft) or ``escalate`` (to a person).
        completeness: How much of the question is addressed, in [0, 1].
        scores: How good the draft is, seen from several sides.
        problems: What review found wrong; the next draft must mend it.
        approval: Whether a person is to decide before the draft is final.
        approval_reasons: Why; see ``ApprovalRequest``.
    """

    verdict: Verdict
    completeness: float
    scores: Scores
    problems: list[Problem]
    approval: Literal["wanted", "not_needed"]
    approval_reasons: list[Reason]


_NOTHING_TO_JUDGE: Review = {
    "verdict": "approve",
    "completeness": 0.0,
    "scores": {"grounding": 0.0, "completeness": 0.0, "tone": 1.0},
    "problems": [],
    "approval": "not_needed",
    "approval_reasons": [],
}


def review(state: ReviewedInput, tools: Tools) -> Review:
    """Judge the draft: fixed checks first, then the reviewer's opinion.

    A defect sends the draft back while rounds are left, then to a person.
    """
    if state["resolution"] == "ignored":
        return _NOTHING_TO_JUDGE
    # Drafts of earlier releases hand nothing over.
    unanswered = state.get("unanswered", [])
    reply = Reply(state["draft"], state["citations"], state["answer_confidence"], unanswered)
    opinion = tools.reviewer.review(build_brief(state), reply)
    checked = check_draft(state, tools.letters)
    completeness = round(opinion.completeness, 4)
    problems = [*checked.problems, *opinion.problems]
    if not problems and state["resolution"] == "answered" and completeness < MIN_COMPLETENESS:
        problems.append(Problem(code="incomplete", detail=TOO_LITTLE))
    verdict = decide_verdict(problems, state["revision"])
    reasons = find_reasons(state, verdict, tools)
    return {
        "verdict": verdict,
        "completeness": completeness,
        "scores": {"grounding": checked.grounding, "completeness": completeness, "tone": checked.tone},
        "problems": problems,
        "approval": "wanted" if reasons else "not_needed",
        "approval_reasons": reasons,
    }


def decide_verdict(problems: list[Problem], revision: int) -> Verdict:
    """Approve without problems; revise while rounds are left; else escalate."""
    if not problems:
        return "approve"
    return "revise" if revision < MAX_REVISIONS else "escalate"


def find_reasons(state: ReviewedInput, verdict: Verdict, tools: Tools) -> list[Reason]:
    """List why a person is to look at the draft. Whoever rejected one sees the next one, whatever the policy says."""
    if verdict == "revise":
        return []
    reasons = tools.approval.list_reasons(verdict, state["resolution"], state["answer_confidence"])
    return ["rejected", *reasons] if "rejection" in state else reasons


def route_review(state: Review) -> Verdict:
    """Name the edge to follow after review."""
    return state["verdict"]
