"""Step 4: write a reply, or say honestly that a person will."""

from typing import NotRequired, TypedDict

from ticketflow.workflow.ports import Brief, Reply, Tools
from ticketflow.workflow.state import Citation, Problem, Request, Resolution
from ticketflow.workflow.steps.classify import Classification
from ticketflow.workflow.steps.extract import Extraction
from ticketflow.workflow.steps.research import Findings


class DraftInput(Request, Classification, Extraction, Findings):
    """Keys ``draft`` reads; the last two are there from the second round on."""

    problems: NotRequired[list[Problem]]
    revision: NotRequired[int]


class Draft(TypedDict):
    """Keys added by ``draft``.

    Attributes:
        draft: The reply as the customer would read it.
        citations: The sentences it quotes; empty when routed.
        resolution: ``answered`` when the draft answers, ``routed`` when it acknowledges, else ``ignored``.
        answer_confidence: How sure the writer is, in [0, 1].
        revision: 1 for the first draft.
    """

    draft: str
    citations: list[Citation]
    resolution: Resolution
    answer_confidence: float
    revision: int


def build_brief(state: DraftInput) -> Brief:
    """Gather what a writer or reviewer may know about the ticket."""
    return Brief(
        request=state,
        category=state["category"],
        team=state["team"],
        language=state["language"],
        sentiment=state["sentiment"],
        entities=state["entities"],
        passages=state["passages"],
        problems=state.get("problems", []),
        similar_tickets=state.get("similar_tickets", []),
    )


def draft(state: DraftInput, tools: Tools) -> Draft:
    """Answer from the passages found, or acknowledge and route; write nothing to what is ignored."""
    revision = state.get("revision", 0) + 1
    if state.get("ignored"):
        return {"draft": "", "citations": [], "resolution": "ignored", "answer_confidence": 0.0, "revision": revision}
    brief = build_brief(state)
    answer = tools.writer.answer(brief)
    reply: Reply = answer or tools.writer.acknowledge(brief)
    return {
        "draft": reply.text,
        "citations": reply.citations,
        "resolution": "answered" if answer else "routed",
        "answer_confidence": reply.confidence,
        "revision": revision,
    }
