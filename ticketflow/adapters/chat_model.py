"""Assemble the LLM engine as the settings say."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from ticketflow.adapters.model_calls import StoredAnswers, StoredLimiter
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier, describe_sla
from ticketflow.engines.llm import add_model
from ticketflow.engines.llm.chat import Chat
from ticketflow.engines.llm.classifier import Option
from ticketflow.engines.llm.models import LlmOptions, ModelSpec, open_model
from ticketflow.engines.llm.provider import Provider
from ticketflow.settings import Settings
from ticketflow.storage.llm_limits import Limits
from ticketflow.storage.session import Sessions
from ticketflow.workflow.ports import Classifier, Tools

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def check_chat_model(settings: Settings) -> None:
    """Find what is missing for the model that settings name; it is not called.

    Raises:
        ConfigurationError: A package or a key is missing, or nobody knows the provider.
    """
    if settings.llm is not None:
        open_model(build_spec(settings, settings.llm))


def add_chat_model(
    embedded: Tools, settings: Settings, sessions: Sessions | None = None, model: "BaseChatModel | None" = None
) -> Tools:
    """Put a chat model before the embedded engine, if there is one.

    Args:
        embedded: Speaks where the model is not asked, or cannot answer.
        settings: Name the model, and how it is asked.
        sessions: Where answers and limits are kept that all workers share; left out, nothing is kept or limited.
        model: Any LangChain chat model, instead of the one that settings name.

    Raises:
        ConfigurationError: See ``check_chat_model``.
    """
    if model is None and settings.llm is None:
        return embedded
    provider = build_provider(settings, model)
    chat = Chat(provider, build_options(settings))
    if sessions is not None:
        answers = StoredAnswers(sessions, timedelta(days=settings.llm_keep_answers_days))
        limits = Limits(settings.llm_calls_per_minute, settings.llm_max_concurrency)
        chat = Chat(provider, build_options(settings), answers, StoredLimiter(sessions, limits))
    return add_model(embedded, chat, _find_options(embedded.classifier))


def build_provider(settings: Settings, model: "BaseChatModel | None" = None) -> Provider:
    """Open the model that settings name, or take the one given."""
    options = build_options(settings)
    if model is not None:
        return Provider(model, getattr(model, "model_name", None) or type(model).__name__, options)
    spec = build_spec(settings, settings.llm or "")
    return Provider(open_model(spec), spec.name, options, limited_as=spec.provider)


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


def _find_options(classifier: Classifier) -> Callable[[], dict[str, Option]]:
    """Follow the taxonomy in force, whichever version is published."""

    def find() -> dict[str, Option]:
        categories = classifier.taxonomy.categories if isinstance(classifier, EmbeddedClassifier) else ()
        return {each.name: Option(each.description, each.team, describe_sla(each)) for each in categories}

    return find
