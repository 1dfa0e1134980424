"""What a run gave: as lines for people, as JSON, and as tables and pictures of `docs/performance.md`."""

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.harness.processes import REPOSITORY

BUILT = REPOSITORY / "build" / "bench"
KEPT = REPOSITORY / "benchmarks" / "data" / "kept.jsonl"
PAGE = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "images" / "performance.svg"
PARTS = ("workers ms", "dispatchers ms", "api ms", "postgresql ms", "rabbitmq ms")
BEGIN, END = "<!-- kept figures begin: python -m benchmarks keep -->", "<!-- kept figures end -->"


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


class Figures(defaultdict[str, dict[str, list[float]]]):
    """Values by contender and figure, one for each round."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__(lambda: defaultdict(list))

    def add(self, contender: str, measured: Mapping[str, float]) -> None:
        """Add what a round gave."""
        for name, value in measured.items():
            self[contender][name].append(value)

    def compare(self, contender: str, base: str, names: Mapping[str, str]) -> None:
        """Add what a contender's figures are of another's in the same round, under new names."""
        for name, ratio in names.items():
            pairs = zip(self[contender][name], self[base][name], strict=True)
            self[contender][ratio] = [mine / theirs for mine, theirs in pairs]

    def plain(self) -> dict[str, dict[str, list[float]]]:
        """Return them as what JSON knows."""
        return {contender: dict(measured) for contender, measured in self.items()}


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


def keep(label: str, paths: Iterable[Path]) -> None:
    """Add results to those that are kept, and write page and picture anew from all of them."""
    with KEPT.open("a") as kept:
        kept.writelines(json.dumps({"label": label, **json.loads(path.read_text())}) + "\n" for path in paths)
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{format_kept(rows)}\n{END}{rest.partition(END)[2]}")
    draw([row for row in rows if row["scenario"] == "a"])


def format_kept(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table of each result, the latest of each label, scenario and options first."""
    parts = []
    for row in rows:
        result = Result(row["scenario"], row["options"], row["figures"], row["made"])
        options = ", ".join(f"{name} {value}" for name, value in row["options"].items())
        made = f"{row['made']['commit']}, {row['made']['at']}, load {row['made']['load']}"
        parts += [f"**{row['label']}**: scenario {row['scenario']} ({options}); {made}", "", *format_table(result), ""]
    return "\n".join(parts)


def draw(rows: Sequence[dict[str, Any]]) -> None:
    """Draw processor time by part of every kept result of scenario a, as multiples of the stock chain's total."""
    from matplotlib import pyplot as plt  # noqa: PLC0415  # only who keeps results needs it

    bars = [
        (f"{row['label']}: {name}", figures, median(row["figures"]["stock"]["total ms"]))
        for row in rows
        if "stock" in row["figures"]
        for name, figures in row["figures"].items()
    ]
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.35 * len(bars)), layout="constrained")
    lefts = [0.0] * len(bars)
    for part in PARTS:
        widths = [median(figures.get(part, [0.0])) / stock_ms for _, figures, stock_ms in bars]
        axes.barh([name for name, _, _ in bars], widths, left=lefts, label=part.removesuffix(" ms"))
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("processor time a ticket, as a multiple of the stock chain's")
    axes.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
