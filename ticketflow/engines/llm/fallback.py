"""Let the embedded engine speak when the model cannot; ``Chat`` has already written down why."""

from collections.abc import Callable
from typing import TypeVar

from ticketflow.engines.llm.failures import ModelUnavailableError
from ticketflow.errors import BadModelOutputError

Result = TypeVar("Result")


def or_else(ask: Callable[[], Result], embedded: Callable[[], Result]) -> Result:
    """Return what the model says, or what the embedded engine does.

    Raises:
        ModelBusyError: The step is to be tried again after a short pause.
    """
    try:
        return ask()
    except (ModelUnavailableError, BadModelOutputError):
        return embedded()
