"""Step 5: may this reply go out? Checks that need no judgement are made here, for any engine."""

from typing import Literal, TypedDict

from ticketflow.workflow.ports import Reply, Tools
from ticketflow.workflow.state import Problem
from ticketflow.workflow.steps.checks import ReviewInput, find_problems
from ticketflow.workflow.steps.draft import build_brief

Verdict = Literal["approve", "revise", "escalate"]
MAX_REVISIONS = 2


class Review(TypedDict):
    """Keys added by ``review``.

    Attributes:
        verdict: ``approve``, ``revise`` (back to draft) or ``escalate`` (to a person).
        completeness: How much of the question is addressed, in [0, 1].
        problems: What review found wrong; the next draft must mend it.
    """

    verdict: Verdict
    completeness: float
    problems: list[Problem]


def review(state: ReviewInput, tools: Tools) -> Review:
    """Judge the draft: fixed checks first, then the reviewer's opinion.

    A defect sends the draft back while rounds are left, then to a person.
    """
    reply = Reply(state["draft"], state["citations"], state["answer_confidence"])
    opinion = tools.reviewer.review(build_brief(state), reply)
    problems = [*find_problems(state), *opinion.problems]
    return {
        "verdict": decide_verdict(problems, state["revision"]),
        "completeness": round(opinion.completeness, 4),
        "problems": problems,
    }


def decide_verdict(problems: list[Problem], revision: int) -> Verdict:
    """Approve without problems; revise while rounds are left; else escalate."""
    if not problems:
        return "approve"
    return "revise" if revision < MAX_REVISIONS else "escalate"


def route_review(state: Review) -> Verdict:
    """Name the edge to follow after review."""
    return state["verdict"]
