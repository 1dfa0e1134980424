"""Choose and assemble what steps think with."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ticketflow.adapters.chat_model import check_chat_model
from ticketflow.adapters.classifier_models import StoredModels
from ticketflow.adapters.knowledge import StoredKnowledge
from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.classify.classifier import ModelSource
from ticketflow.engines.embedded.encoder.memory import return_free_memory
from ticketflow.engines.embedded.encoder.vectors import find_installed_model
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.engines.embedded.write.letters_file import load_letters
from ticketflow.errors import ConfigurationError
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.ports import Classifier, KnowledgeBase, Tools
from ticketflow.workflow.state import DEFAULT_TENANT

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def build_knowledge(settings: Settings, sessions: Sessions) -> StoredKnowledge:
    """Build the knowledge base over the stored articles."""
    return StoredKnowledge(sessions, shared_encoder(settings.encoder_model), settings.exact_search_passages)


def build_models(settings: Settings, sessions: Sessions) -> StoredModels:
    """Build what finds the classifier all processes share."""
    encoder = shared_encoder(settings.encoder_model)
    return StoredModels(sessions, encoder, load_taxonomy(settings.taxonomy), DEFAULT_TENANT)


def check_engine(settings: Settings) -> None:
    """Find what is missing before a worker takes tickets that could only fail there.

    Raises:
        ConfigurationError: The weights are not installed, the taxonomy or the letters are wrong, or the chat model
            cannot be opened.
    """
    check_chat_model(settings)
    load_letters(settings.letters)
    load_taxonomy(settings.taxonomy)
    path = settings.encoder_model or find_installed_model()
    if not path.is_file():
        raise ConfigurationError(f"TICKETFLOW_ENCODER_MODEL: there is no file {path}")


def warm_up(tools: Tools) -> None:
    """Make an engine load what it loads on first use; a chat model is not called for it."""
    classifier: Classifier = getattr(tools.classifier, "embedded", tools.classifier)  # that behind a chat model
    classifier.classify("Hello", "Is anybody there?")
    return_free_memory()


def build_tools(
    settings: Settings,
    knowledge: KnowledgeBase,
    sessions: Sessions | None = None,
    model: "BaseChatModel | None" = None,
    models: ModelSource | None = None,
) -> Tools:
    """Build one implementation of every port, as the settings say.

    Args:
        knowledge: Where research looks.
        sessions: Where a chat model's answers and limits are kept; left out, they are not.
        model: Any LangChain chat model, instead of the one settings name.
        models: Where the fitted classifier comes from; left out, it is kept with ``sessions``, or without them
            fitted in memory.

    Raises:
        ConfigurationError: The taxonomy is wrong, and the message names line and remedy; or the chat model
            cannot be opened.
    """
    tools = build_embedded_tools(
        knowledge,
        settings.taxonomy,
        settings.encoder_model,
        choose_confidence(settings),
        settings.letters,
        build_models(settings, sessions) if models is None and sessions is not None else models,
    )
    tools = add_chat_model(tools, settings, sessions, model)
    return replace(tools, approval=build_approval(settings))


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
    from ticketflow.adapters.llm_engine import build_llm_tools  # noqa: PLC0415  # its packages are heavy, and optional

    return build_llm_tools(embedded, settings, sessions, model)


def choose_confidence(settings: Settings) -> float:
    """Return how sure the writer must be: less so where a person looks at what it is not sure of."""
    if settings.approval == "never":
        return settings.answer_confidence
    return min(settings.draft_confidence, settings.answer_confidence)


def build_approval(settings: Settings) -> ApprovalPolicy:
    """Build the rule by which drafts wait for a person."""
    return ApprovalPolicy(
        mode=settings.approval,
        sure_from=settings.answer_confidence,
        timeout_s=settings.approval_timeout_s,
        default_action=settings.approval_default,
    )
