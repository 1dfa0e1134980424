"""What can go wrong with a model call, told apart without knowing any provider's library, and who speaks then."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from ticketflow.errors import BadModelOutputError, TicketFlowError, TransientError

# A provider that says "too many" but not how long gets this pause; the smallest one common ones ask for is a second.
UNSAID_PAUSE_S = 5.0
# Nobody is left alone for longer on the word of one header, which may be nonsense; then it is asked once more.
MAX_PAUSE_S = 7 * 86_400.0
_TOO_MANY = 429  # RFC 6585 §4
_UNAVAILABLE = 503  # RFC 9110 §15.6.4: may carry Retry-After
_OVERLOADED = 529  # Anthropic's "overloaded_error"
_REQUEST_TIMEOUT = 408
_SUCCESSES = range(200, 300)
_SERVER_ERRORS = range(500, 600)
_UNREACHABLE = re.compile(r"timeout|timedout|connect|network|protocolerror", re.IGNORECASE)
_UNPARSED = re.compile(r"lengthfinish|contentfilterfinish|outputparser|validation|jsondecode", re.IGNORECASE)
Result = TypeVar("Result")


class ModelUnavailableError(TicketFlowError):
    """The model cannot answer now: another engine has to; the message says why in a few words."""


class ModelMisusedError(ModelUnavailableError):
    """The provider refuses us: key, model name or request is wrong, and only the operator can mend it."""


class ModelDownError(ModelUnavailableError):
    """The provider cannot be reached, took too long or failed.

    Attributes:
        is_quick: It failed so soon that a second try at once costs nothing.
    """

    is_quick = False


class ModelBusyError(TransientError):
    """The provider, or our own limit, asks for a pause.

    Attributes:
        is_from_provider: The provider said so itself, so all workers must keep to it.
    """

    is_from_provider = False


class UnreadableAnswerError(BadModelOutputError):
    """The provider's library could not read its model's answer, which was cut off or is no JSON.

    Attributes:
        input_tokens: Tokens that were read for it, as far as the library says.
        output_tokens: Tokens that were written.
    """

    def __init__(self, message: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Keep the message and what the answer cost."""
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


class LeakError(ModelUnavailableError):
    """The answer repeats what must not leave the prompt: it was talked into it, and is not asked again."""


def build_busy(pause_s: float, *, is_from_provider: bool) -> ModelBusyError:
    """Say that a pause is asked for, in seconds."""
    who = "the provider asks" if is_from_provider else "our own limit asks"
    error = ModelBusyError(f"{who} for a pause of {min(pause_s, MAX_PAUSE_S):.1f} s")
    error.retry_after_s = min(pause_s, MAX_PAUSE_S)
    error.is_from_provider = is_from_provider
    return error


def judge_failure(error: Exception) -> TicketFlowError:
    """Say what an exception out of a chat model means; its own text is not repeated: it may quote the customer."""
    name, status = type(error).__name__, find_status(error)
    if _UNPARSED.search(name) or status in _SUCCESSES:
        return UnreadableAnswerError(f"the answer cannot be read ({name})", *find_tokens(error))
    if status in (_TOO_MANY, _OVERLOADED) or (status == _UNAVAILABLE and find_pause(error) is not None):
        return build_busy(find_pause(error) or UNSAID_PAUSE_S, is_from_provider=True)
    if status is not None:
        is_down = status in _SERVER_ERRORS or status == _REQUEST_TIMEOUT
        return (ModelDownError if is_down else ModelMisusedError)(f"HTTP {status} ({name})")
    if isinstance(error, TimeoutError | ConnectionError) or _UNREACHABLE.search(name):
        return ModelDownError(f"no answer ({name})")
    if isinstance(error, ValueError):
        return UnreadableAnswerError(f"the answer cannot be read ({name})")
    return ModelMisusedError(f"the call failed ({name})")


def find_status(error: Exception) -> int | None:
    """Find the HTTP status an exception carries, where providers' libraries keep it."""
    for holder in (error, getattr(error, "response", None)):
        for attribute in ("status_code", "code", "status"):
            status = getattr(holder, attribute, None)
            if isinstance(status, int) and not isinstance(status, bool):
                return status
    return None


def find_tokens(error: Exception) -> tuple[int, int]:
    """Find how many tokens an answer that could not be read took: OpenAI's library keeps the whole of it."""
    usage = getattr(getattr(error, "completion", None), "usage", None)
    return getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0


def find_pause(error: Exception) -> float | None:
    """Find how many seconds the other side asked us to wait: ``retry-after-ms`` or ``Retry-After``."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    return read_pause(headers) if isinstance(headers, Mapping) else None


def read_pause(headers: Mapping[str, str]) -> float | None:
    """Read the pause out of headers: seconds, or an HTTP date (RFC 9110 §10.2.3); nonsense counts as unsaid."""
    found = {name.lower(): value for name, value in headers.items()}
    milliseconds = _read_number(found.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = found.get("retry-after")
    seconds = _read_number(said)
    return seconds if seconds is not None or said is None else _read_date(said)


def _read_number(said: str | None) -> float | None:
    try:
        number = float(said or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _read_date(said: str) -> float | None:
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)


def or_else(ask: Callable[[], Result], embedded: Callable[[], Result]) -> Result:
    """Return what the model says, or what the embedded engine does; ``Chat`` has already written down why.

    Raises:
        ModelBusyError: The step is to be tried again after a short pause.
    """
    try:
        return ask()
    except (ModelUnavailableError, BadModelOutputError):
        return embedded()
