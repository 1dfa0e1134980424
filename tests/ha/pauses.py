"""How long nothing moved when a machine was lost."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.chaos.figures import publish
from tests.chaos.history import read_history


def measure_pauses(history: Path) -> dict[str, float]:
    """Return, for each fault, the longest time in seconds in which tickets were open and no step took effect.

    Looked at is the time from the loss until the lost machine is back.
    """
    lines = list(read_history(history))
    moves = sorted(line["at"] for line in lines if line["what"] == "committed")
    accepted = sorted(line["at"] for line in lines if line["what"] == "accepted")
    ended = sorted(line["at"] for line in lines if line["what"] == "committed" and line["step"] == "finalize")
    busy = [pair for pair in pairwise(moves) if bisect_right(accepted, pair[0]) > bisect_right(ended, pair[0])]
    return {line["fault"]: find_longest(busy, line) for line in lines if line["what"] == "fault"}


def find_longest(gaps: Sequence[tuple[float, float]], fault: dict) -> float:
    """Return the longest of the gaps that have to do with a fault."""
    began_at, ended_at = fault["at"] - fault["lasted_s"], fault["at"]
    lengths = [later - earlier for earlier, later in gaps if later >= began_at and earlier <= ended_at]
    return round(max(lengths, default=0.0), 1)


def publish_pauses(name: str, history: Path) -> None:
    """Append them to the file that ``CHAOS_REPORT`` names, if it does."""
    publish({"run": name, "longest_pauses_s": measure_pauses(history)})
