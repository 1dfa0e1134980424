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
    return {
        "passages": tools.knowledge.search(query, PASSAGE_LIMIT, state["tenant"]),
        "similar_tickets": tools.knowledge.find_resolved(query, SIMILAR_LIMIT, state["tenant"]),
    }
