"""What a run cost: executions per effect, and how long tickets stood still after a kill."""

import json
import os
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """Figures of a run; reported, not judged.

    Attributes:
        ratio: Executions per effect; 1 means that nothing was computed in vain.
        interrupted: Steps whose process was killed under them.
        recovery_p50_s: Seconds from a kill until half of those tickets moved again.
        recovery_max_s: The same for the last of them.
        purged: Messages that were dropped from queues.
        seconds: From the first accepted ticket to the last effect.
    """

    accepted: int = 0
    effects: int = 0
    executions: int = 0
    ratio: float = 0.0
    kills: int = 0
    interrupted: int = 0
    recovery_p50_s: float | None = None
    recovery_max_s: float | None = None
    purged: int = 0
    seconds: float = 0.0


def publish(line: Line) -> None:
    """Append figures to the file that ``CHAOS_REPORT`` names, if it does."""
    if path := os.environ.get("CHAOS_REPORT"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("a") as lines:
            lines.write(f"{json.dumps(line)}\n")


def measure(lines: Sequence[Line], effects: Sequence[Any]) -> Figures:
    """Compute the figures of a run."""
    counts = Counter(line["what"] for line in lines)
    recoveries = list(find_recoveries(lines))
    moments = [line["at"] for line in lines if line["what"] in {"accepted", "committed"}]
    return Figures(
        accepted=counts["accepted"],
        effects=len(effects),
        executions=counts["executing"],
        ratio=round(counts["executing"] / len(effects), 4) if effects else 0.0,
        kills=counts["killed"],
        interrupted=len(recoveries),
        recovery_p50_s=round(median(recoveries), 3) if recoveries else None,
        recovery_max_s=round(max(recoveries), 3) if recoveries else None,
        purged=sum(line["messages"] for line in lines if line["what"] == "purged"),
        seconds=round(max(moments) - min(moments), 1) if moments else 0.0,
    )


def find_recoveries(lines: Sequence[Line]) -> Iterator[float]:
    """Find how long each ticket stood still whose process was killed in the middle of a step."""
    moves: dict[str, list[float]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line["at"]):
        if line["what"] in {"executing", "committed"}:
            moves[line["ticket"]].append(line["at"])
    for killed in (line for line in lines if line["what"] == "killed"):
        for ticket in find_interrupted(lines, killed["pids"], killed["at"]):
            later = bisect_right(moves[ticket], killed["at"])
            if later < len(moves[ticket]):
                yield moves[ticket][later] - killed["at"]


def find_interrupted(lines: Sequence[Line], pids: Sequence[int], at: float) -> set[str]:
    """Find tickets whose last sign of life by these processes is the beginning of a step."""
    under_way: dict[tuple[str, str], bool] = {}
    for line in lines:
        if line.get("pid") in pids and line["at"] <= at:
            under_way[line["ticket"], line["step"]] = line["what"] == "executing"
    return {ticket for (ticket, _), is_open in under_way.items() if is_open}
