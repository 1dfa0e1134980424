"""The embedded engines: real work without network or key, nothing fetched at run time."""

from pathlib import Path

from ticketflow.engines.embedded.classifier import EmbeddedClassifier
from ticketflow.engines.embedded.confidence import ANSWER_CONFIDENCE
from ticketflow.engines.embedded.extractor import EmbeddedExtractor
from ticketflow.engines.embedded.reviewer import EmbeddedReviewer
from ticketflow.engines.embedded.taxonomy import load_taxonomy
from ticketflow.engines.embedded.vectors import shared_encoder
from ticketflow.engines.embedded.writer import EmbeddedWriter
from ticketflow.workflow.ports import KnowledgeBase, Tools

__all__ = ["ANSWER_CONFIDENCE", "build_embedded_tools", "shared_encoder"]


def build_embedded_tools(
    knowledge: KnowledgeBase,
    taxonomy_path: Path | None = None,
    model_path: Path | None = None,
    min_confidence: float = ANSWER_CONFIDENCE,
) -> Tools:
    """Assemble the embedded engine; models load on the first ticket, so this is quick.

    Args:
        knowledge: Where research looks; ``EmbeddedKnowledge`` over an index kept up to date.
        taxonomy_path: The operator's categories, or ``None`` for the default ones.
        model_path: ONNX weights, or ``None`` for the installed package's.
        min_confidence: How sure the writer must be of a passage to answer with it, in [0, 1].

    Raises:
        ConfigurationError: The taxonomy is wrong; the message names line and remedy.
    """
    encoder = shared_encoder(model_path)
    return Tools(
        classifier=EmbeddedClassifier(encoder, load_taxonomy(taxonomy_path)),
        extractor=EmbeddedExtractor(),
        knowledge=knowledge,
        writer=EmbeddedWriter(encoder, min_confidence),
        reviewer=EmbeddedReviewer(encoder),
    )
