"""What settings say of the chat model; LangChain is loaded only to open one."""

from ticketflow.engines.llm.models import LlmOptions, ModelSpec, open_model
from ticketflow.settings import Settings


def check_chat_model(settings: Settings) -> None:
    """Find what is missing for the model that settings name; it is not called.

    Raises:
        ConfigurationError: A package or a key is missing, or nobody knows the provider.
    """
    if settings.llm is not None:
        open_model(build_spec(settings, settings.llm))


def build_spec(settings: Settings, name: str) -> ModelSpec:
    """Say which model to open."""
    key = settings.llm_api_key
    return ModelSpec(
        name=name,
        base_url=settings.llm_base_url,
        api_key=None if key is None else key.get_secret_value(),
        timeout_s=settings.llm_timeout_s,
        max_tokens=settings.llm_max_tokens,
        temperature=settings.llm_temperature,
    )


def build_options(settings: Settings) -> LlmOptions:
    """Say how the model is asked."""
    return LlmOptions(
        method=settings.llm_method,
        attempts=settings.llm_attempts,
        timeout_s=settings.llm_timeout_s,
        max_wait_s=settings.llm_max_wait_s,
        input_usd_per_million=settings.llm_input_usd_per_million,
        output_usd_per_million=settings.llm_output_usd_per_million,
        has_tracing=settings.llm_tracing,
        steps=settings.llm_steps,
    )
