"""What a run gave: as lines for people, as JSON, and as tables and pictures of `docs/performance.md`."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.harness.processes import REPOSITORY

BUILT = REPOSITORY / "build" / "bench"


def describe_machine() -> dict[str, object]:
    """Say what was measured, when, and on what."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "commit": commit.stdout.strip(),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[1], 1),
    }


@dataclass(frozen=True)
class Result:
    """Figures of each contender, one for each round.

    Attributes:
        scenario: Its letter.
        options: What it was run with.
        figures: Values by contender and figure.
    """

    scenario: str
    options: Mapping[str, object]
    figures: Mapping[str, Mapping[str, Sequence[float]]]
    made: Mapping[str, object] = field(default_factory=describe_machine)

    def save(self) -> Path:
        """Write it below build/, and return where."""
        BUILT.mkdir(parents=True, exist_ok=True)
        path = BUILT / f"{self.scenario}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path


def format_table(result: Result) -> list[str]:
    """Return medians, with the smallest and the largest value, as lines of a Markdown table."""
    names = list(dict.fromkeys(name for figures in result.figures.values() for name in figures))
    lines = [f"| | {' | '.join(result.figures)} |", "|---" * (len(result.figures) + 1) + "|"]
    for name in names:
        cells = [format_values(figures.get(name, ())) for figures in result.figures.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def format_values(values: Sequence[float]) -> str:
    """Return the median, and the smallest and largest if there are several."""
    if not values:
        return ""
    if len(values) == 1:
        return format_number(values[0])
    return f"{format_number(median(values))} ({format_number(min(values))}–{format_number(max(values))})"


def format_number(value: float) -> str:
    """Return three digits or so."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"  # noqa: PLR2004


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
