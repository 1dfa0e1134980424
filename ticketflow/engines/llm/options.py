"""How the LLM engine asks its model."""

from dataclasses import dataclass
from typing import Literal, get_args

from ticketflow.settings import LlmStep

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
