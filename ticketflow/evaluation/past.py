"""An earlier report as the version to hold a new one against: other prompts, other code, another day."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.evaluation import Evaluation
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.trial import Figure, Trial

TRIAL_FILE = "trial.json"


class _Kept(BaseModel):
    """A trial as it is kept: ``null`` where a row does not count."""

    name: str
    rows_sha256: str
    figures: dict[str, tuple[float, float, float]]
    rowwise: dict[str, list[list[float | None]]]
    steps_ms: dict[str, tuple[float, float]]


def dump_trial(evaluation: Evaluation) -> dict[str, Any]:
    """Write down the first trial, for a later one to be held against."""
    trial = evaluation.trials[0]
    kept = _Kept(
        name=trial.name,
        rows_sha256=hash_rows(evaluation.rows),
        figures={name: (each.value, each.low, each.high) for name, each in trial.figures.items()},
        rowwise={
            name: [[None if np.isnan(value) else value for value in draw] for draw in values.tolist()]
            for name, values in trial.rowwise.items()
        },
        steps_ms=dict(trial.steps_ms),
    )
    return kept.model_dump()


def load_trial(folder: Path, rows: Sequence[Row]) -> Trial:
    """Read the trial of an earlier report.

    Raises:
        InvalidInputError: There is none, or it was made on other rows.
    """
    try:
        kept = _Kept.model_validate_json((folder / TRIAL_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        message = f"--against: {folder} is no folder that --report wrote ({type(error).__name__})"
        raise InvalidInputError(message) from None
    if kept.rows_sha256 != hash_rows(rows):
        raise InvalidInputError(f"--against: the report in {folder} was made on other rows; give the same data")
    return Trial(
        name=f"{folder.name}: {kept.name}",
        figures={name: Figure(*values) for name, values in kept.figures.items()},
        rowwise={name: np.array(values, dtype=np.float64) for name, values in kept.rowwise.items()},
        steps_ms=kept.steps_ms,
    )


def hash_rows(rows: Sequence[Row]) -> str:
    """Tell rows from others by what they say and what is right about them."""
    digest = sha256()
    for row in rows:
        digest.update(f"{row.text}\0{row.gold.model_dump_json(exclude={'articles'})}\0".encode())
    return digest.hexdigest()
