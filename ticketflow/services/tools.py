"""Choose and assemble what steps think with."""

from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.taxonomy import load_taxonomy
from ticketflow.engines.embedded.vectors import find_installed_model
from ticketflow.errors import ConfigurationError
from ticketflow.services.knowledge import StoredKnowledge
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions
from ticketflow.workflow.ports import KnowledgeBase, Tools


def build_knowledge(settings: Settings, sessions: Sessions) -> StoredKnowledge:
    """Build the knowledge base over the stored articles."""
    return StoredKnowledge(sessions, shared_encoder(settings.encoder_model))


def check_engine(settings: Settings) -> None:
    """Find what is missing before a worker takes tickets that it could only park.

    Raises:
        ConfigurationError: The weights are not installed, or the taxonomy is wrong.
    """
    load_taxonomy(settings.taxonomy)
    path = settings.encoder_model or find_installed_model()
    if not path.is_file():
        raise ConfigurationError(f"TICKETFLOW_ENCODER_MODEL: there is no file {path}")


def warm_up(tools: Tools) -> None:
    """Make an engine load what it loads on first use."""
    tools.classifier.classify("Hello", "Is anybody there?")


def build_tools(settings: Settings, knowledge: KnowledgeBase) -> Tools:
    """Build one implementation of every port, as the settings say.

    Raises:
        ConfigurationError: The taxonomy is wrong; the message names line and remedy.
    """
    return build_embedded_tools(
        knowledge, settings.taxonomy, settings.encoder_model, min_confidence=settings.answer_confidence
    )
