"""Who spoke during a step: engines report here, and the ledger keeps it beside the step's output."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class EngineCall:
    """One engine's contribution to a step.

    Attributes:
        engine: Family and part, such as ``embedded/classifier``.
        model: Model or artefact name and version, or ``None`` for plain rules.
        prompt_version: Version of the prompt file, or ``None`` without a prompt.
        input_tokens: Tokens read, 0 where nothing is billed.
        output_tokens: Tokens written.
        cost_usd: Money spent, in US dollars.
        calls: Calls made to a provider: 0 where none is asked or the answer was kept, 2 with a repair turn.
        failure: Why nothing came of it and another engine spoke instead, or ``None``.
    """

    engine: str
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    calls: int = 0
    failure: str | None = None


@dataclass(slots=True)
class Usage:
    """All contributions of one step run, in the order they were made.

    Attributes:
        tenant: Whose ticket it is.
        ticket_id: The ticket the step runs for, where it is a stored one.
        attempt: 1 for the step's first try; ``None`` where nobody would try again later.
    """

    tenant: str
    ticket_id: UUID | None = None
    attempt: int | None = None
    engine_calls: list[EngineCall] = field(default_factory=list)


_current: ContextVar[Usage | None] = ContextVar("ticketflow_usage", default=None)


def record_engine_call(call: EngineCall) -> None:
    """Note that an engine spoke; a no-op when nobody collects (in-process graph runs)."""
    usage = _current.get()
    if usage is not None:
        usage.engine_calls.append(call)


def current_usage() -> Usage | None:
    """Return who collects what engines of this thread report, if anybody does."""
    return _current.get()


@contextmanager
def collect_usage(tenant: str, ticket_id: UUID | None = None, attempt: int | None = None) -> Iterator[Usage]:
    """Collect what engines report in this thread until the block ends.

    Args:
        tenant: Whose ticket it is.
        ticket_id: The stored ticket a step runs for.
        attempt: Which try of it this is, where a failed one is tried again later.
    """
    usage = Usage(tenant, ticket_id, attempt)
    token = _current.set(usage)
    try:
        yield usage
    finally:
        _current.reset(token)
