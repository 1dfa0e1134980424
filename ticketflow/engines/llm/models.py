"""Which chat model to open, and how it is asked; LangChain is imported only when one is wanted."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

from ticketflow.errors import ConfigurationError
from ticketflow.workflow.state import LlmStep

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MISSING_EXTRA = "TICKETFLOW_LLM is set, but the LLM engine is not installed: pip install 'ticketflow[llm]'"

Method = Literal["json_schema", "function_calling", "json_mode"]


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """How a model is asked, how long it is waited for, and what it costs.

    Attributes:
        method: How the model is held to a schema; what its provider supports.
        attempts: Calls one question may take; every one after the first carries what was wrong.
        timeout_s: Seconds one call may take.
        max_wait_s: Longest pause a provider may ask for before the embedded engine speaks instead.
        max_waits: How often a step is put off like that.
        input_usd_per_million: Price of a million tokens read, in US dollars.
        output_usd_per_million: Price of a million tokens written.
        has_tracing: Whether LangChain may report calls to LangSmith when its own variables say so.
        steps: The steps that ask the model at all.
    """

    method: Method = "json_schema"
    attempts: int = 2
    timeout_s: float = 20.0
    max_wait_s: float = 60.0
    max_waits: int = 3
    input_usd_per_million: float = 0.0
    output_usd_per_million: float = 0.0
    has_tracing: bool = False
    steps: frozenset[LlmStep] = frozenset(get_args(LlmStep))

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Work out what tokens cost, in US dollars."""
        spent = input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million
        return round(spent / 1_000_000, 8)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model to open.

    Attributes:
        name: ``provider:model``, as LangChain's ``init_chat_model`` takes it.
        base_url: Server to ask instead of the provider's own, for OpenAI-compatible ones.
        api_key: Unset leaves it to the provider's own variable, such as ``OPENAI_API_KEY``.
        timeout_s: Seconds one call may take.
        max_tokens: Most tokens one answer may have.
        temperature: Unset leaves the model's default: some models take no other.
    """

    name: str
    base_url: str | None = None
    api_key: str | None = None
    timeout_s: float = 20.0
    max_tokens: int = 1024
    temperature: float | None = None

    def __repr__(self) -> str:
        """Show the name alone: the key must not end up in a log."""
        return f"ModelSpec({self.name!r})"

    @property
    def provider(self) -> str:
        """What limits and pauses are kept by: provider and server."""
        provider = self.name.partition(":")[0]
        return f"{provider} {self.base_url}" if self.base_url else provider


def open_model(spec: ModelSpec) -> "BaseChatModel":
    """Open a chat model; its library's own retries are off, because ours count and survive a worker.

    Raises:
        ConfigurationError: LangChain or the provider's package is missing, or the name or the key is wrong.
    """
    if find_spec("langchain") is None:
        raise ConfigurationError(MISSING_EXTRA)
    wanted: dict[str, Any] = {
        "base_url": spec.base_url,
        "api_key": spec.api_key,
        "temperature": spec.temperature,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    try:
        model: BaseChatModel = import_module("langchain.chat_models").init_chat_model(
            spec.name, max_retries=0, timeout=spec.timeout_s, max_tokens=spec.max_tokens, **given
        )
    except ImportError as error:
        raise ConfigurationError(f"TICKETFLOW_LLM: {error}") from None
    except Exception as error:  # noqa: BLE001  # providers' libraries raise what they like for a missing key
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"TICKETFLOW_LLM: {spec.name} cannot be opened: {said}") from None
    return model
