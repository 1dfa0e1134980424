"""Assemble the LLM engine as the settings say; loading it takes a second or two, so only who has a model does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ticketflow.adapters.chat_model import build_options, build_spec
from ticketflow.adapters.model_calls import StoredAnswers, StoredLimiter
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier, describe_sla
from ticketflow.engines.llm.chat import Chat
from ticketflow.engines.llm.classifier import LlmClassifier, Option, Options
from ticketflow.engines.llm.extractor import LlmExtractor
from ticketflow.engines.llm.knowledge import LlmKnowledge
from ticketflow.engines.llm.models import open_model
from ticketflow.engines.llm.provider import Provider
from ticketflow.engines.llm.reviewer import LlmReviewer
from ticketflow.engines.llm.writer import LlmWriter
from ticketflow.settings import Settings
from ticketflow.storage.llm_limits import Limits
from ticketflow.storage.session import Sessions
from ticketflow.workflow.ports import Tools

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def build_llm_tools(
    embedded: Tools, settings: Settings, sessions: Sessions | None, model: "BaseChatModel | None"
) -> Tools:
    """Put the model that settings name, or the one given, before the embedded engine.

    Raises:
        ConfigurationError: See ``check_chat_model``.
    """

    def find_options() -> dict[str, Option]:  # by the taxonomy in force, whichever version is published
        classifier = embedded.classifier
        categories = classifier.taxonomy.categories if isinstance(classifier, EmbeddedClassifier) else ()
        return {each.name: Option(each.description, each.team, describe_sla(each)) for each in categories}

    provider = build_provider(settings, model)
    chat = Chat(provider, build_options(settings))
    if sessions is not None:
        answers = StoredAnswers(sessions, timedelta(days=settings.llm_keep_answers_days))
        limits = Limits(settings.llm_calls_per_minute, settings.llm_max_concurrency)
        chat = Chat(provider, build_options(settings), answers, StoredLimiter(sessions, limits))
    return put_before(embedded, chat, find_options)


def build_provider(settings: Settings, model: "BaseChatModel | None" = None) -> Provider:
    """Open the model that settings name, or take the one given."""
    options = build_options(settings)
    if model is not None:
        return Provider(model, getattr(model, "model_name", None) or type(model).__name__, options)
    spec = build_spec(settings, settings.llm or "")
    return Provider(open_model(spec), spec.name, options, limited_as=spec.provider)


def put_before(embedded: Tools, chat: Chat, options: Callable[[], Options]) -> Tools:
    """Put a model before the embedded engine in the steps its options name.

    Args:
        embedded: Speaks where the model is not asked, or cannot answer.
        chat: The model.
        options: Finds the categories that hold now, with what they mean.
    """
    wanted = chat.options.steps
    return replace(
        embedded,
        classifier=LlmClassifier(chat, embedded.classifier, options) if "classify" in wanted else embedded.classifier,
        extractor=LlmExtractor(chat, embedded.extractor) if "extract" in wanted else embedded.extractor,
        knowledge=LlmKnowledge(chat, embedded.knowledge) if "research" in wanted else embedded.knowledge,
        writer=LlmWriter(chat, embedded.writer) if "draft" in wanted else embedded.writer,
        reviewer=LlmReviewer(chat, embedded.reviewer) if "review" in wanted else embedded.reviewer,
    )
