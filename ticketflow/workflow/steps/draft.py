"""Step 4: write a reply, or say honestly that a person will."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from ticketflow.workflow.ports import Brief, Handover, Reply, Tools
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
        unanswered: What it hands over to a person, in the customer's words.
        revision: 1 for the first draft.
        team: Who has the ticket from here on: whoever has to answer what is left, if that is somebody else. A person
            may have given it to another team meanwhile.
    """

    draft: str
    citations: list[Citation]
    resolution: Resolution
    answer_confidence: float
    unanswered: list[str]
    revision: int
    team: NotRequired[str]


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
        handover=name_handover(state["reasons"]),
    )


def name_handover(reasons: Mapping[str, str]) -> Handover | None:
    """Say why no article may answer a ticket, if none may."""
    return "danger" if "danger" in reasons else "person" if "person" in reasons else None


def draft(state: DraftInput, tools: Tools) -> Draft:
    """Answer from the passages found, or acknowledge and route; write nothing to what is ignored."""
    revision = state.get("revision", 0) + 1
    if state.get("ignored"):
        return _describe(Reply("", [], 0.0), "ignored", revision)
    brief = build_brief(state)
    if not brief.handover and (answer := tools.writer.answer(brief)):
        return _describe(answer, "answered", revision)
    return _describe(tools.writer.acknowledge(brief), "routed", revision)


def _describe(reply: Reply, resolution: Resolution, revision: int) -> Draft:
    written: Draft = {
        "draft": reply.text,
        "citations": reply.citations,
        "resolution": resolution,
        "answer_confidence": reply.confidence,
        "unanswered": reply.unanswered,
        "revision": revision,
    }
    return written | {"team": reply.team} if reply.team else written
