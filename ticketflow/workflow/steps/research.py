"""Step 3: what do we already know that answers it?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Passage, Request, question_text

PASSAGE_LIMIT = 5


class Findings(TypedDict):
    """Keys added by ``research``: passages, best first, at most one per article."""

    passages: list[Passage]


def research(state: Request, tools: Tools) -> Findings:
    """Search the knowledge base with the ticket's own words."""
    query = question_text(state["subject"], state["body"])
    return {"passages": tools.knowledge.search(query, PASSAGE_LIMIT)}
