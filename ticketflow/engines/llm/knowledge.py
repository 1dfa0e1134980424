"""The LLM ``KnowledgeBase``: rewrites a query that found little, and judges what was found."""

from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import or_else
from ticketflow.engines.llm.prompt_files import load_prompt, passage_sections, ticket_section
from ticketflow.engines.llm.schemas import MAX_PASSAGES, Choice, Query
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.ports import KnowledgeBase
from ticketflow.workflow.state import Passage, SimilarTicket

# A search that is this sure of its best passage needs no other words.
SURE_FROM = 0.9


class LlmKnowledge:
    """Asks a model for better words and for what helps; it can drop and reorder passages, never invent one."""

    def __init__(self, chat: Chat, stored: KnowledgeBase) -> None:
        """Take the model and the knowledge base it looks into."""
        self._chat = chat
        self._stored = stored

    def search(self, query: str, limit: int, tenant: str) -> list[Passage]:
        """List the best passages, best first, at most one per article."""
        found = self._stored.search(query, limit, tenant)
        if not found or found[0]["confidence"] < SURE_FROM:
            question = Question(
                step="research",
                part="knowledge",
                prompt=load_prompt("rewrite.v1"),
                sections=[ticket_section("", query)],
                shape=Query,
            )
            rewritten = or_else(lambda: self._chat.ask(question).query, lambda: None)
            found = merge(found, self._stored.search(rewritten, limit, tenant) if rewritten else [], limit)
        if not found:
            return []
        return or_else(lambda: self._choose(query, found[:MAX_PASSAGES]), lambda: found)

    def find_resolved(self, query: str, limit: int, tenant: str) -> list[SimilarTicket]:
        """List tickets like this one; they are shown to people only, never to the model."""
        return self._stored.find_resolved(query, limit, tenant)

    def _choose(self, query: str, found: list[Passage]) -> list[Passage]:
        def check(choice: Choice) -> None:
            if any(number > len(found) for number in choice.helpful):
                raise BadModelOutputError(f"helpful: there are only passages 1 to {len(found)}")

        question = Question(
            step="research",
            part="knowledge",
            prompt=load_prompt("judge.v1"),
            sections=[ticket_section("", query), *passage_sections(found)],
            shape=Choice,
            check=check,
        )
        return [found[number - 1] for number in dict.fromkeys(self._chat.ask(question).helpful)]


def merge(first: list[Passage], second: list[Passage], limit: int) -> list[Passage]:
    """Join two searches: each article once, as the surer of them has it, surest first."""
    best: dict[str, Passage] = {}
    for passage in [*first, *second]:
        kept = best.setdefault(passage["article_id"], passage)
        if passage["confidence"] > kept["confidence"]:
            best[passage["article_id"]] = passage
    return sorted(best.values(), key=lambda each: -each["confidence"])[:limit]
