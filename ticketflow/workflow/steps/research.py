"""Step 3: what do we already know that answers it?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Passage, Request, SimilarTicket, question_of
from ticketflow.workflow.steps.classify import Classification

PASSAGE_LIMIT = 5
SIMILAR_LIMIT = 3


class ResearchInput(Request, Classification):
    """Keys ``research`` reads."""


class Findings(TypedDict):
    """Keys added by ``research``.

    Attributes:
        passages: Best first, at most one per article.
        similar_tickets: Tickets like this one whose answers a person approved, the most alike first.
    """

    passages: list[Passage]
    similar_tickets: list[SimilarTicket]


def research(state: ResearchInput, tools: Tools) -> Findings:
    """Search what this tenant's team wrote, with the ticket's own words."""
    if state.get("ignored"):
        return {"passages": [], "similar_tickets": []}
    query = question_of(state)
    found = tools.knowledge.search(query, PASSAGE_LIMIT, state["tenant"])
    return {
        "passages": [keep_own_words(passage, query) for passage in found],
        "similar_tickets": tools.knowledge.find_resolved(query, SIMILAR_LIMIT, state["tenant"]),
    }


def keep_own_words(passage: Passage, query: str) -> Passage:
    """Leave out of what a passage speaks to what the ticket does not say: a model may search with words of its own."""
    if "speaks_to" not in passage:
        return passage
    return {**passage, "speaks_to": [each for each in passage["speaks_to"] if each in query]}
