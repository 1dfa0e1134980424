"""What the LLM engine needs remembered between calls and between workers; services fill these protocols."""

import time
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """A valid answer and what it cost.

    Attributes:
        content: The answer as its schema has it.
        cost_usd: In US dollars.
        tenant: Whose ticket it was first given for.
        ticket_id: That ticket.
    """

    model: str
    prompt_version: str
    content: dict[str, Any]
    input_tokens: int
    output_tokens: int
    cost_usd: float
    tenant: str
    ticket_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot: leave to make one call to a model."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Pause:
    """No call may be made now.

    Attributes:
        seconds: When to ask again.
        is_from_provider: The provider asked for it; else our own limit does.
    """

    seconds: float
    is_from_provider: bool


class AnswerCache(Protocol):
    """Remembers valid answers, so that a step that runs twice pays once."""

    def find(self, key: str) -> Answer | None:
        """Return the answer kept under a key, or ``None``."""
        ...

    def keep(self, key: str, answer: Answer) -> None:
        """Remember an answer; one that is there already stays."""
        ...


class CallLimiter(Protocol):
    """Keeps all workers together within what a provider allows."""

    def take(self, provider: str, hold_s: float) -> Slot | Pause:
        """Ask for leave to make a call that takes at most ``hold_s`` seconds."""
        ...

    def give_back(self, slot: Slot) -> None:
        """Say that the call has ended."""
        ...

    def block(self, provider: str, pause_s: float) -> None:
        """Let nobody call the provider for so many seconds."""
        ...


class NoCache:
    """Remembers nothing: for a run in process without a database."""

    def find(self, key: str) -> Answer | None:  # noqa: ARG002  # the protocol's
        """Find no answer: none is kept."""
        return None

    def keep(self, key: str, answer: Answer) -> None:
        """Forget the answer."""


class NoLimit:
    """Has no limits of its own, for a run in process without a database; a provider's pause is kept to all the same."""

    def __init__(self) -> None:
        """Start with no pause."""
        self._blocked_until: dict[str, float] = {}

    def take(self, provider: str, hold_s: float) -> Slot | Pause:  # noqa: ARG002  # the protocol's
        """Give leave to everybody, unless the provider asked for a pause."""
        left_s = self._blocked_until.get(provider, 0.0) - time.monotonic()
        return Pause(left_s, is_from_provider=True) if left_s > 0 else Slot(UUID(int=0))

    def give_back(self, slot: Slot) -> None:
        """Give a slot back: there are none to count."""

    def block(self, provider: str, pause_s: float) -> None:
        """Remember the pause."""
        self._blocked_until[provider] = max(self._blocked_until.get(provider, 0.0), time.monotonic() + pause_s)
