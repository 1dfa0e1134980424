"""Lets a step that takes long notice that its work is no longer wanted.

A cancelled ticket, or one that another worker took over, cannot be committed any more. An engine
asks before each model call, so that nobody pays for an answer that is thrown away.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ticketflow.errors import StepInterruptedError

_is_interrupted: ContextVar[Callable[[], bool] | None] = ContextVar("ticketflow_is_interrupted", default=None)


def stop_if_interrupted() -> None:
    """Return if the step's result is still wanted; call it before each model call.

    Raises:
        StepInterruptedError: It is not; let it pass.
    """
    is_interrupted = _is_interrupted.get()
    if is_interrupted is not None and is_interrupted():
        raise StepInterruptedError("the step's lease is lost: its ticket was cancelled, or taken over")


@contextmanager
def interruptible(is_interrupted: Callable[[], bool]) -> Iterator[None]:
    """Tell the engines of this thread, until the block ends, how to find out."""
    token = _is_interrupted.set(is_interrupted)
    try:
        yield
    finally:
        _is_interrupted.reset(token)
