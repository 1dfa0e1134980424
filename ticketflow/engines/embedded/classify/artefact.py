"""A fitted classifier as bytes: NumPy's ``.npz``, numbers and names only, nothing to execute."""

import io
from dataclasses import asdict
from typing import Any

import numpy as np

from ticketflow.engines.embedded.classify.neighbours import Neighbours
from ticketflow.engines.embedded.classify.regression import SoftmaxModel
from ticketflow.engines.embedded.classify.training import RECIPE, Calibration, FittedClassifier
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.taxonomy import Taxonomy


def dump_classifier(fitted: FittedClassifier) -> bytes:
    """Write a fitted classifier; its taxonomy is kept beside it, not in it."""
    calibration = asdict(fitted.calibration)
    numbers: dict[str, Any] = {
        "origin": np.array(_origin(fitted.encoder)),
        "calibration": np.array([calibration[name] for name in sorted(calibration)]),
        "weights": fitted.model.weights,
        "bias": fitted.model.bias,
        # Vectors are rounded to four decimals by the encoder: half precision keeps what they say.
        "vectors": fitted.neighbours.vectors.astype(np.float16),
        "classes": fitted.neighbours.classes.astype(np.int32),
        "examples": fitted.neighbours.examples.astype(np.int32),
        "buckets": fitted.neighbours.buckets.astype(np.int16),
        "counts": fitted.neighbours.counts.astype(np.float16),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **numbers)
    return buffer.getvalue()


def load_classifier(encoder: Encoder, taxonomy: Taxonomy, artefact: bytes) -> FittedClassifier | None:
    """Read what ``dump_classifier`` wrote; ``None`` if another encoder or recipe made it: fit again."""
    with np.load(io.BytesIO(artefact), allow_pickle=False) as numbers:
        if str(numbers["origin"]) != _origin(encoder):
            return None
        names = sorted(Calibration.__dataclass_fields__)
        return FittedClassifier(
            encoder=encoder,
            taxonomy=taxonomy,
            model=SoftmaxModel(numbers["weights"], numbers["bias"]),
            neighbours=Neighbours(
                vectors=numbers["vectors"].astype(np.float32),
                classes=numbers["classes"].astype(np.int64),
                examples=numbers["examples"].astype(np.int64),
                buckets=numbers["buckets"],
                counts=numbers["counts"].astype(np.float32),
            ),
            calibration=Calibration(**dict(zip(names, numbers["calibration"].tolist(), strict=True))),
        )


def _origin(encoder: Encoder) -> str:
    return f"{encoder.name}, recipe {RECIPE}"
