"""The LLM engine: any LangChain chat model behind the ports, with the embedded engine to fall back to."""

from collections.abc import Callable
from dataclasses import replace

from ticketflow.engines.llm.chat import Chat
from ticketflow.engines.llm.classifier import LlmClassifier, Options
from ticketflow.engines.llm.extractor import LlmExtractor
from ticketflow.engines.llm.knowledge import LlmKnowledge
from ticketflow.engines.llm.reviewer import LlmReviewer
from ticketflow.engines.llm.writer import LlmWriter
from ticketflow.workflow.ports import Tools

__all__ = ["add_model"]


def add_model(embedded: Tools, chat: Chat, options: Callable[[], Options]) -> Tools:
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
