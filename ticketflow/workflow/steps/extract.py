"""Step 2: which facts does the ticket state?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Entity, Request
from ticketflow.workflow.steps.classify import Classification


class ExtractInput(Request, Classification):
    """Keys ``extract`` reads."""


class Extraction(TypedDict):
    """Keys added by ``extract``: facts in order of appearance, subject first."""

    entities: list[Entity]


def extract(state: ExtractInput, tools: Tools) -> Extraction:
    """Find the facts in subject and body."""
    return {"entities": tools.extractor.extract(state, state["language"])}
