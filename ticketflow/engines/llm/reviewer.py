"""The LLM ``Reviewer``: what is missing, claimed, promised or rude in a draft."""

from dataclasses import replace

from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import or_else
from ticketflow.engines.llm.guard import find_strange_links
from ticketflow.engines.llm.prompt_files import load_prompt, passage_sections, ticket_section
from ticketflow.engines.llm.schemas import FULL_MARKS, Judged, Objection
from ticketflow.workflow.ports import Brief, Opinion, Reply, Reviewer
from ticketflow.workflow.state import Problem, own_text
from ticketflow.workflow.steps.personal_data import find_emails, find_phones

UNSAID = "the reviewer objects, in words that may not be repeated"


class LlmReviewer:
    """Adds a model's judgement to the fixed checks; an acknowledgement has nothing to judge."""

    def __init__(self, chat: Chat, embedded: Reviewer) -> None:
        """Take the model, and who judges when it cannot."""
        self._chat = chat
        self._embedded = embedded

    def review(self, brief: Brief, reply: Reply) -> Opinion:
        """Judge a reply against the ticket; what the embedded reviewer objects to counts as well."""
        opinion = self._embedded.review(brief, reply)
        if not reply.citations:
            return opinion
        return or_else(lambda: self._ask(brief, reply, opinion), lambda: opinion)

    def _ask(self, brief: Brief, reply: Reply, opinion: Opinion) -> Opinion:
        cited = {citation["article_id"] for citation in reply.citations}
        question = Question(
            step="review",
            part="reviewer",
            prompt=load_prompt("review.v1"),
            sections=[
                ticket_section(brief.request["subject"], own_text(brief.request)),
                *passage_sections([each for each in brief.passages if each["article_id"] in cited]),
                ("Reply", reply.text),
            ],
            shape=Judged,
        )
        judged = self._chat.ask(question)
        problems = [*opinion.problems, *map(describe_objection, judged.problems)]
        return replace(opinion, completeness=judged.addressed / FULL_MARKS, problems=problems)


def describe_objection(objection: Objection) -> Problem:
    """Pass on what the model objects to, unless its words hold a link or personal data."""
    is_unfit = any(find(objection.detail) for find in (find_emails, find_phones)) or find_strange_links(
        objection.detail, ""
    )
    return Problem(code=objection.code, detail=UNSAID if is_unfit else objection.detail)
