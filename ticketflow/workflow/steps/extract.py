"""Step 2: which facts does the ticket state?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Entity, Request
from ticketflow.workflow.steps.classify import Classification

_FIELDS = ("subject", "body")


class ExtractInput(Request, Classification):
    """Keys ``extract`` reads."""


class Extraction(TypedDict):
    """Keys added by ``extract``: facts in order of appearance, subject first."""

    entities: list[Entity]


def extract(state: ExtractInput, tools: Tools) -> Extraction:
    """Find the facts in subject and body; card and account numbers were found when the ticket came in."""
    masked = state["masked"]
    found = tools.extractor.extract(state, state["language"])
    # Place by place: a ticket of nothing but card numbers has thousands of both.
    taken = {(each["field"], place) for each in masked for place in range(each["start"], each["end"])}
    apart = [each for each in found if taken.isdisjoint((each["field"], p) for p in range(each["start"], each["end"]))]
    return {"entities": sorted([*masked, *apart], key=lambda entity: (_FIELDS.index(entity["field"]), entity["start"]))}
