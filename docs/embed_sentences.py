"""Embed the sentences that ship: ``python docs/embed_sentences.py``. A test fails when one is missing."""

from ticketflow.engines.embedded.classify import priority, sentiment
from ticketflow.engines.embedded.classify.training import gather_material
from ticketflow.engines.embedded.encoder.vectors import MODEL_SHA256, MiniLmEncoder, write_known_vectors
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.engines.embedded.write.writer import PERSON_SEEDS


def list_sentences() -> list[str]:
    """List every fixed sentence the engine compares tickets with, once."""
    seeds = [text for texts in (*sentiment.SEEDS.values(), *priority.SEEDS.values(), PERSON_SEEDS) for text in texts]
    return list(dict.fromkeys([*seeds, *gather_material(load_taxonomy(None)).texts]))


if __name__ == "__main__":
    sentences = list_sentences()
    write_known_vectors(MODEL_SHA256, sentences, MiniLmEncoder(known={}).encode(sentences))
