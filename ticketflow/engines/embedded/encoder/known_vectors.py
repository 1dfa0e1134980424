"""Vectors that ship: those of sentences every process would embed, computed once by ``make docs``.

Embedding the seeds of mood, haste and the like and the shipped taxonomy takes 2 seconds; reading this file 8 ms.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KNOWN_VECTORS_PATH = Path(__file__).parent / "minilm" / "known.npz"
# Vectors are rounded to four decimals, so that whole numbers keep them exactly, in a quarter of the space.
_SCALE = np.float32(10_000)


@cache
def load_known_vectors(model_sha256: str) -> Mapping[str, NDArray[np.float32]]:
    """Read the shipped vectors by text; none for weights other than those that made them.

    Args:
        model_sha256: Digest of the weights that embed everything else.
    """
    with np.load(KNOWN_VECTORS_PATH, allow_pickle=False) as stored:
        if str(stored["model_sha256"]) != model_sha256:
            return {}
        vectors = stored["vectors"].astype(np.float32) / _SCALE
        return dict(zip(stored["texts"].tolist(), vectors, strict=True))


def write_known_vectors(model_sha256: str, texts: list[str], vectors: NDArray[np.float32]) -> None:
    """Write the file that ships.

    Args:
        model_sha256: Digest of the weights the vectors were made with.
        texts: What was embedded.
        vectors: One row for each text, rounded to four decimals.
    """
    whole = np.rint(vectors * _SCALE).astype(np.int16)
    np.savez_compressed(
        KNOWN_VECTORS_PATH,
        allow_pickle=False,
        model_sha256=np.array(model_sha256),
        texts=np.array(texts),
        vectors=whole,
    )
