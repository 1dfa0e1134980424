"""A ticket as a model reads it: strangers' words under headings of ours."""

from collections.abc import Sequence

from ticketflow.engines.llm.prompt_files import Section
from ticketflow.workflow.state import Passage, Problem

# About 1,500 tokens: what is asked stands near the top, and a pasted log must not cost a fortune.
MAX_BODY_CHARACTERS = 6_000
MAX_SUBJECT_CHARACTERS = 300


def ticket_section(subject: str, body: str) -> Section:
    """Show the customer's words, shortened; nothing else about the customer."""
    return "Ticket", f"{subject[:MAX_SUBJECT_CHARACTERS]}\n{body[:MAX_BODY_CHARACTERS]}"


def passage_sections(passages: Sequence[Passage]) -> list[Section]:
    """Show passages, numbered from 1; they are strangers' words too: an article may quote one."""
    return [(f"Passage {number}", f"{each['title']}\n{each['text']}") for number, each in enumerate(passages, start=1)]


def problem_sections(problems: Sequence[Problem]) -> list[Section]:
    """Show what was wrong with the draft before, one line each; a person's note is among them."""
    lines = [f"{each['code']}: {each['detail']}" + _blamed(each) for each in problems]
    return [("Problems of the draft before", "\n".join(lines))] if lines else []


def _blamed(problem: Problem) -> str:
    return f" (do not quote: {problem['quote']})" if "quote" in problem else ""
