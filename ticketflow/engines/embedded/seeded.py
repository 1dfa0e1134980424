"""A small classifier learnt from seed sentences on first use."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from ticketflow.engines.embedded.regression import SoftmaxModel, fit_softmax
from ticketflow.engines.embedded.vectors import Encoder


class SeededModel:
    """Probabilities over named classes; fitted once, when first asked."""

    def __init__(self, encoder: Encoder, seeds: Mapping[str, Sequence[str]]) -> None:
        """Take the seeds; nothing is embedded yet.

        Args:
            encoder: Where vectors come from.
            seeds: Example sentences per class; every class needs one at least.
        """
        self._encoder = encoder
        self._seeds = seeds
        self._names = list(seeds)
        self._lock = threading.Lock()
        self._model: SoftmaxModel | None = None

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of every class, in the order of the seeds."""
        row = self._fitted().probabilities(self._encoder.encode([text]))[0]
        return {name: float(value) for name, value in zip(self._names, row, strict=True)}

    def _fitted(self) -> SoftmaxModel:
        with self._lock:
            if self._model is None:
                texts = [text for name in self._names for text in self._seeds[name]]
                labels = [index for index, name in enumerate(self._names) for _ in self._seeds[name]]
                vectors = self._encoder.encode(texts)
                self._model = fit_softmax(vectors, np.array(labels, dtype=np.int64), len(self._names))
            return self._model
