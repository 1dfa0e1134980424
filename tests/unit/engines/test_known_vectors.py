"""The vectors that ship are those of the sentences that ship."""

import runpy

import numpy as np
import pytest

from tests.harness.processes import REPOSITORY
from ticketflow.engines.embedded.encoder import vectors
from ticketflow.engines.embedded.encoder.vectors import (
    MODEL_SHA256,
    MiniLmEncoder,
    load_known_vectors,
    pack_vectors,
    unpack_vectors,
    write_known_vectors,
)

SENTENCES = runpy.run_path(str(REPOSITORY / "docs/embed_sentences.py"))["list_sentences"]()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "KNOWN_VECTORS_PATH", tmp_path / "known.npz")
    load_known_vectors.cache_clear()
    yield
    load_known_vectors.cache_clear()


def test_every_fixed_sentence_ships_with_its_vector_and_nothing_else():
    assert list(load_known_vectors(MODEL_SHA256)) == SENTENCES, "run `make docs`"


def test_what_ships_is_what_the_encoder_computes():
    sample = SENTENCES[::60]

    computed = MiniLmEncoder(known={}).encode(sample)

    # Another processor may round the other way, before a product as well.
    assert np.abs(MiniLmEncoder().encode(sample) - computed).max() < 0.01, "run `make docs`"


def test_a_vector_in_the_cache_is_the_one_that_was_computed():
    vectors = np.round(np.random.default_rng(0).uniform(-1, 1, 384), 4).astype(np.float32)

    assert np.array_equal(unpack_vectors(pack_vectors(vectors)), vectors)


def test_what_was_written_is_read_back_for_the_same_weights_only(elsewhere):
    vectors = np.round(np.random.default_rng(0).uniform(-1, 1, (2, 384)), 4).astype(np.float32)

    write_known_vectors("digest", ["Hello?", "Grüße"], vectors)

    assert np.array_equal(np.stack(list(load_known_vectors("digest").values())), vectors)
    assert list(load_known_vectors("digest")) == ["Hello?", "Grüße"]
    assert load_known_vectors("another digest") == {}
