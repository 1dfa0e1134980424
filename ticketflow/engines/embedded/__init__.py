"""The embedded engines: real work without network or key, nothing fetched at run time."""

from pathlib import Path

from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier, FitOnFirstUse, ModelSource
from ticketflow.engines.embedded.encoder.vectors import shared_encoder
from ticketflow.engines.embedded.facts.extractor import EmbeddedExtractor
from ticketflow.engines.embedded.search.confidence import ANSWER_CONFIDENCE
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.engines.embedded.write.letters_file import load_letters
from ticketflow.engines.embedded.write.reviewer import EmbeddedReviewer
from ticketflow.engines.embedded.write.writer import EmbeddedWriter
from ticketflow.workflow.ports import KnowledgeBase, Tools

__all__ = ["ANSWER_CONFIDENCE", "build_embedded_tools", "shared_encoder"]


def build_embedded_tools(
    knowledge: KnowledgeBase,
    taxonomy_path: Path | None = None,
    model_path: Path | None = None,
    min_confidence: float = ANSWER_CONFIDENCE,
    letters_path: Path | None = None,
    source: ModelSource | None = None,
) -> Tools:
    """Assemble the embedded engine; models load on the first ticket, so this is quick.

    Args:
        knowledge: Where research looks; ``EmbeddedKnowledge`` over an index kept up to date.
        taxonomy_path: The operator's categories, or ``None`` for the default ones.
        model_path: ONNX weights, or ``None`` for the installed package's.
        min_confidence: How sure the writer must be of a passage to answer with it, in [0, 1].
        letters_path: The operator's letters, or ``None`` for the shipped ones.
        source: Where the fitted classifier comes from; ``None`` fits the taxonomy in memory.

    Raises:
        ConfigurationError: The taxonomy or the letters are wrong; the message names line and remedy.
    """
    encoder = shared_encoder(model_path)
    classifier = EmbeddedClassifier(encoder, source or FitOnFirstUse(encoder, load_taxonomy(taxonomy_path)))
    letters = load_letters(letters_path)
    return Tools(
        classifier=classifier,
        extractor=EmbeddedExtractor(lambda: classifier.taxonomy),
        knowledge=knowledge,
        writer=EmbeddedWriter(encoder, min_confidence, letters, find_team=classifier.find_team),
        reviewer=EmbeddedReviewer(encoder),
        letters=letters,
    )
