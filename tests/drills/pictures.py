"""Pictures for the documentation: dashboards drawn from live data, and Flower as a browser shows it.

The drawing is ours, not Grafana's: same panels, same places, same data, other pens.
"""

import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter

from tests.drills.panels import Series, Source
from tests.drills.showcase import FLOWER_LOGIN, Showcase

PAGE, PAPER, INK, FAINT = "#111217", "#181b1f", "#ccccdc", "#6e7079"
COLORS = {"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
LINES = [*COLORS.values(), "#b877d9", "#8ab8ff", "#ffa6b0", "#96d98d", "#ffee52", "#ca95e5", "#37872d"]
STYLE = {
    **dict.fromkeys(("figure.facecolor", "savefig.facecolor"), PAGE),
    **dict.fromkeys(("xtick.color", "ytick.color"), FAINT),
    "axes.facecolor": PAPER,
    "axes.edgecolor": "#2c3235",
    "text.color": INK,
    "font.size": 6,
    "axes.prop_cycle": mpl.cycler(color=LINES),
}
COLUMN_IN, ROW_IN, DPI = 0.55, 0.25, 100
LEGEND, SHORT, LONG = 6, 12, 28
BELOW = {
    "loc": "upper left",
    "bbox_to_anchor": (-0.12, -0.1),
    "borderaxespad": 0.0,
    "columnspacing": 1.0,
    "fontsize": 5.5,
    "labelcolor": INK,
    "frameon": False,
}


def draw_dashboard(dashboard: dict[str, Any], source: Source, path: Path) -> None:
    """Draw a dashboard with what its queries give now."""
    panels = dashboard["panels"]
    columns, rows = 24, max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    end = time.time()
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(columns * COLUMN_IN, rows * ROW_IN), dpi=DPI)
        for panel in panels:
            place = panel["gridPos"]
            x, width = place["x"] / columns, place["w"] / columns
            y, height = 1 - (place["y"] + place["h"]) / rows, place["h"] / rows
            if panel["type"] == "row":
                figure.text(0.005, y + height / 3, f"▾ {panel['title']}", fontsize=9, weight="bold")
                continue
            # In rows of the grid: below the axes there is room for a legend, above for the title.
            axes = figure.add_axes((x + 0.045, y + 1.9 / rows, width - 0.055, height - 2.9 / rows))
            axes.set_title(panel["title"], loc="left", fontsize=7.5, color=INK, pad=3)
            found = [
                series
                for target in panel["targets"]
                for series in source.ask(target["expr"], target["legendFormat"], end)
            ]
            _DRAW[panel["type"]](axes, panel, found)
        figure.savefig(path, pil_kwargs={"optimize": True})
        plt.close(figure)
    _shrink(path)


def take_picture_of_flower(showcase: Showcase, folder: Path) -> None:
    """Let a browser open two of Flower's pages."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "pictures of Flower need Chromium"
    address = showcase.build_url("flower").replace("http://", f"http://{FLOWER_LOGIN}@") + "/flower"
    for page in ("workers", "tasks"):
        path = folder / f"flower-{page}.png"
        with tempfile.TemporaryDirectory() as profile:
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
            shot = ["--window-size=1280,640", "--virtual-time-budget=8000", f"--screenshot={path}"]
            subprocess.run([browser, *options, *shot, f"{address}/{page}"], check=True, capture_output=True, timeout=90)
        _shrink(path)


def _draw_number(axes: Axes, panel: dict[str, Any], found: Sequence[Series]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    axes.set_axis_off()
    if not found:
        axes.text(0.5, 0.5, defaults["noValue"], ha="center", va="center", fontsize=14, color=FAINT)
        return
    value = found[0].last
    words = next((each["options"] for each in defaults["mappings"]), {}).get(f"{value:g}")
    steps = [
        step["color"] for step in defaults["thresholds"]["steps"] if step["value"] is None or value >= step["value"]
    ]
    text, color = (words["text"], words["color"]) if words else (_say(value, defaults["unit"]), steps[-1])
    axes.text(0.5, 0.45, text, ha="center", va="center", fontsize=14, weight="bold", color=COLORS[color])


def _draw_lines(axes: Axes, panel: dict[str, Any], found: Sequence[Series]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if defaults["custom"]["stacking"]["mode"] == "normal":
        _stack(axes, found)
    else:
        for series in found:
            axes.plot(*_to_axes(series), lw=1, label=series.name)
    for step in defaults.get("thresholds", {}).get("steps", [])[1:]:
        axes.axhline(step["value"], color=COLORS[step["color"]], lw=0.7, ls="--")
    axes.set_ylim(bottom=0)
    _finish(axes, defaults["unit"])
    shown = sorted(found, key=lambda series: -max(value for _, value in series.points))[:LEGEND]
    handles = [artist for artist in (*axes.lines, *axes.collections) if artist.get_label() in {s.name for s in shown}]
    names = [str(artist.get_label())[:LONG] for artist in handles]
    axes.legend(handles, names, ncols=4 if max(map(len, names), default=0) <= SHORT else 2, **BELOW)


def _stack(axes: Axes, found: Sequence[Series]) -> None:
    seconds = sorted({second for series in found for second, _ in series.points})
    rows = [[dict(series.points).get(second, 0.0) for second in seconds] for series in found]
    times = [datetime.fromtimestamp(second, UTC) for second in seconds]
    axes.stackplot(times, rows, labels=[series.name for series in found], alpha=0.6)


def _draw_heat(axes: Axes, panel: dict[str, Any], found: Sequence[Series]) -> None:
    """Draw how many fell into each bucket; Prometheus gives how many fell into it or below."""
    found = sorted(found, key=lambda series: float(series.name))
    seconds = sorted({second for series in found for second, _ in series.points})
    below = np.array([[dict(series.points).get(second, 0.0) for second in seconds] for series in found])
    counts = np.sqrt(np.clip(np.diff(below, axis=0, prepend=0), 0, None))
    times = [datetime.fromtimestamp(second, UTC) for second in seconds]
    axes.pcolormesh(times, range(len(found)), counts, cmap="inferno", shading="nearest")
    unit = panel["options"]["yAxis"]["unit"]
    _finish(axes, unit)
    ticks = range(0, len(found), 3)
    axes.set_yticks(ticks, [_say(float(found[tick].name), unit) for tick in ticks])
    axes.grid(visible=False)


_DRAW: dict[str, Callable[[Axes, dict[str, Any], Sequence[Series]], None]] = {
    "stat": _draw_number,
    "timeseries": _draw_lines,
    "heatmap": _draw_heat,
}


def _to_axes(series: Series) -> tuple[list[datetime], list[float]]:
    seconds, values = zip(*series.points, strict=True)
    return [datetime.fromtimestamp(second, UTC) for second in seconds], list(values)


def _finish(axes: Axes, unit: str) -> None:
    axes.grid(color="#2c3235", lw=0.5)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    axes.yaxis.set_major_formatter(lambda value, _: _say(value, unit))
    axes.tick_params(length=0)


def _say(value: float, unit: str) -> str:
    """Write a value as Grafana would."""
    if math.isinf(value):
        return "∞"
    if unit == "s" and value >= 60:
        return f"{value / 60:.3g} min" if value < 3600 else f"{value / 3600:.3g} h"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if 0 < value < 1 else f"{value:.3g} s"
    if unit == "percentunit":
        return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"
    if unit == "bytes":
        power = min(int(math.log(value, 1024)), 4) if value >= 1 else 0
        return f"{value / 1024**power:.3g} {['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}"
    return {"currencyUSD": f"${value:.3g}", "cps": f"{value:.3g}/s", "reqps": f"{value:.3g}/s"}.get(
        unit, f"{value:.4g}"
    )


def _shrink(path: Path) -> None:
    """Keep 64 colours: a third of the size, and nobody sees it."""
    from PIL import Image  # noqa: PLC0415  # comes with matplotlib

    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)
