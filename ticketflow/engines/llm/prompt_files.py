"""Prompts are files: versioned by name and digest, filled in one pass, so that no customer's braces count."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from secrets import token_hex

from ticketflow.workflow.state import Passage, Problem

_FIELD = re.compile(r"\{\{(\w+)\}\}")
_SHOWN_DIGITS = 8

Section = tuple[str, str]
"""A heading of ours and the text of strangers under it."""

# About 1,500 tokens: what is asked stands near the top, and a pasted log must not cost a fortune.
MAX_BODY_CHARACTERS = 6_000
MAX_SUBJECT_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt file with the guard that goes with every prompt.

    Attributes:
        name: File name without its ending, such as ``draft.v1``.
        text: What it says, fields unfilled.
    """

    name: str
    text: str

    @property
    def version(self) -> str:
        """Name and digest of the words, so that an edited file never passes for the old one."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return f"{self.name}-{digest[:_SHOWN_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Seal:
    """Random words of one call.

    Attributes:
        boundary: Marks where strangers' text begins and ends; they cannot know it.
        canary: Must never come back.
    """

    boundary: str
    canary: str


NO_SEAL = Seal("boundary", "canary")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the model reads: our words and the strangers'."""

    system: str
    user: str


@cache
def load_prompt(name: str) -> Prompt:
    """Read a prompt that ships with the package."""
    folder = resources.files("ticketflow.engines.llm") / "prompts"
    text, guard = ((folder / f"{each}.md").read_text("utf-8").strip() for each in (name, "guard.v1"))
    return Prompt(name, f"{text}\n\n{guard}")


@cache
def load_repair() -> str:
    """Read what is said to a model whose answer was refused."""
    folder = resources.files("ticketflow.engines.llm") / "prompts"
    return (folder / "repair.v1.md").read_text("utf-8").strip()


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of ``{{fields}}``, once: what a value contains is never filled again.

    Raises:
        KeyError: A field has no value.
    """
    return _FIELD.sub(lambda found: values[found[1]], text)


def draw_seal() -> Seal:
    """Draw the random words of one call."""
    return Seal(f"#{token_hex(6)}", f"tf-{token_hex(8)}")


def render(prompt: Prompt, values: Mapping[str, str], sections: Sequence[Section], seal: Seal) -> Rendered:
    """Fill a prompt; the strangers' text goes between boundaries, in the user's message only.

    What differs from call to call stands last, so that providers can reuse what they read before.
    """
    system = fill(prompt.text, {**values, "boundary": seal.boundary, "canary": seal.canary})
    parts = [f"{heading}:\n{seal.boundary}\n{text}\n{seal.boundary}" for heading, text in sections]
    return Rendered(system, "\n\n".join(parts))


def ticket_section(subject: str, body: str) -> Section:
    """Show the customer's words, shortened; nothing else about the customer."""
    return "Ticket", f"{subject[:MAX_SUBJECT_CHARACTERS]}\n{body[:MAX_BODY_CHARACTERS]}"


def passage_sections(passages: Sequence[Passage]) -> list[Section]:
    """Show passages, numbered from 1; they are strangers' words too: an article may quote one."""
    return [(f"Passage {number}", f"{each['title']}\n{each['text']}") for number, each in enumerate(passages, start=1)]


def problem_sections(problems: Sequence[Problem]) -> list[Section]:
    """Show what was wrong with the draft before, one line each; a person's note is among them."""
    lines = [
        f"{each['code']}: {each['detail']}" + (f" (do not quote: {each['quote']})" if "quote" in each else "")
        for each in problems
    ]
    return [("Problems of the draft before", "\n".join(lines))] if lines else []
