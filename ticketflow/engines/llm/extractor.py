"""The LLM ``Extractor``: patterns first, then what the model finds and the ticket really says."""

import re
from typing import Literal

from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import or_else
from ticketflow.engines.llm.prompt_files import load_prompt, ticket_section
from ticketflow.engines.llm.schemas import Fact, Facts
from ticketflow.workflow.ports import Extractor
from ticketflow.workflow.state import Entity, Request, own_text, own_text_in_place

# A letter repeats the numbers that were noted, so they must look like numbers: else a ticket could have its words sent.
_NUMBER = re.compile(r"#?[A-Za-z]{0,12}[-_/]?[0-9][A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*")
_NUMBERED = {"order_id", "invoice_id"}
_FIELDS: tuple[Literal["subject", "body"], ...] = ("subject", "body")


class LlmExtractor:
    """Adds what patterns miss; numbers with a checksum and addresses stay with the patterns."""

    def __init__(self, chat: Chat, embedded: Extractor) -> None:
        """Take the model and the patterns."""
        self._chat = chat
        self._embedded = embedded

    def extract(self, request: Request, language: str) -> list[Entity]:
        """List facts in order of appearance, subject first."""
        found = self._embedded.extract(request, language)
        return or_else(lambda: add_facts(found, self._ask(request), request), lambda: found)

    def _ask(self, request: Request) -> list[Fact]:
        question = Question(
            step="extract",
            part="extractor",
            prompt=load_prompt("extract.v1"),
            sections=[ticket_section(request["subject"], own_text(request))],
            shape=Facts,
        )
        return self._chat.ask(question).facts


def add_facts(found: list[Entity], facts: list[Fact], request: Request) -> list[Entity]:
    """Add the facts that stand in the ticket word for word, where no pattern found anything."""
    entities = list(found)
    for fact in facts:
        entity = locate(fact, request)
        if entity is not None and not any(_overlap(entity, other) for other in entities):
            entities.append(entity)
    return sorted(entities, key=lambda each: (_FIELDS.index(each["field"]), each["start"]))


def locate(fact: Fact, request: Request) -> Entity | None:
    """Find a fact in the ticket as whole words; ``None`` for one that was made up, is masked or is no number."""
    text = fact.text.strip()
    if not re.search(r"\w", text) or "*" in text or (fact.type in _NUMBERED and not _NUMBER.fullmatch(text)):
        return None
    pattern = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    texts = {"subject": request["subject"], "body": own_text_in_place(request)}
    for field in _FIELDS:
        if place := pattern.search(texts[field]):
            return Entity(type=fact.type, value=text, text=place[0], field=field, start=place.start(), end=place.end())
    return None


def _overlap(one: Entity, other: Entity) -> bool:
    return one["field"] == other["field"] and one["start"] < other["end"] and other["start"] < one["end"]
