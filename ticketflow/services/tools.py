"""Choose and assemble what steps think with."""

from ticketflow.engines.embedded import build_embedded_tools, shared_encoder
from ticketflow.services.knowledge import StoredKnowledge
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions
from ticketflow.workflow.ports import KnowledgeBase, Tools


def build_knowledge(settings: Settings, sessions: Sessions) -> StoredKnowledge:
    """Build the knowledge base over the stored articles."""
    return StoredKnowledge(sessions, shared_encoder(settings.encoder_model))


def build_tools(settings: Settings, knowledge: KnowledgeBase) -> Tools:
    """Build one implementation of every port, as the settings say.

    Raises:
        ConfigurationError: The taxonomy is wrong; the message names line and remedy.
    """
    return build_embedded_tools(knowledge, settings.taxonomy, settings.encoder_model)
