"""How long nothing moved when a machine was lost."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.history import read_history


def measure_pauses(history: Path) -> dict[str, float]:
    """Return, for each fault, the longest time in seconds in which no step took effect.

    Looked at is the time from the loss until the lost machine is back.
    """
    lines = list(read_history(history))
    moments = [line["at"] for line in lines if line["what"] == "committed"]
    return {line["fault"]: find_longest_gap(moments, line) for line in lines if line["what"] == "fault"}


def find_longest_gap(moments: Sequence[float], fault: dict) -> float:
    """Return the longest time between two moments one of which is during the fault."""
    began_at, ended_at = fault["at"] - fault["lasted_s"], fault["at"]
    gaps = [
        later - earlier
        for earlier, later in zip(sorted(moments), sorted(moments)[1:], strict=False)
        if later >= began_at and earlier <= ended_at
    ]
    return round(max(gaps, default=0.0), 2)


def publish_pauses(name: str, history: Path) -> None:
    """Append them to the file that ``CHAOS_REPORT`` names, if it does."""
    path = os.environ.get("CHAOS_REPORT")
    if path:
        with Path(path).open("a") as lines:
            lines.write(f"{json.dumps({'run': name, 'longest_pauses_s': measure_pauses(history)})}\n")
