"""Who spoke during a step: engines report here, and the ledger keeps it beside the step's output."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Spoken:
    """One engine's contribution to a step.

    Attributes:
        engine: Family and part, such as ``embedded/classifier``.
        model: Model or artefact name and version, or ``None`` for plain rules.
        prompt_version: Version of the prompt file, or ``None`` without a prompt.
        input_tokens: Tokens read, 0 where nothing is billed.
        output_tokens: Tokens written.
        cost_usd: Money spent, in US dollars.
    """

    engine: str
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(slots=True)
class Usage:
    """All contributions of one step run, in the order they were made."""

    spoken: list[Spoken] = field(default_factory=list)


_current: ContextVar[Usage | None] = ContextVar("ticketflow_usage", default=None)


def record_spoken(spoken: Spoken) -> None:
    """Note that an engine spoke; a no-op when nobody collects (in-process graph runs)."""
    usage = _current.get()
    if usage is not None:
        usage.spoken.append(spoken)


@contextmanager
def collect_usage() -> Iterator[Usage]:
    """Collect what engines report in this thread until the block ends."""
    usage = Usage()
    token = _current.set(usage)
    try:
        yield usage
    finally:
        _current.reset(token)
