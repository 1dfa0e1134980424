"""Pictures of an evaluation, as PNG; matplotlib (extra ``ticketflow[eval]``) is loaded on use."""

import io
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ticketflow.errors import ConfigurationError
from ticketflow.evaluation.metrics import Bin

DOTS_PER_INCH = 110
LONGEST_LABEL = 28
INK, BAR = "#1f4e79", "#9dc3e6"


def require_plots() -> None:
    """Find out before a long run that its pictures cannot be drawn.

    Raises:
        ConfigurationError: matplotlib is not installed; the message says what to install.
    """
    if find_spec("matplotlib") is None:
        raise ConfigurationError("--report draws with matplotlib: run `pip install 'ticketflow[eval]'`")


def draw_confusions(pairs: Sequence[tuple[str, str]], title: str) -> bytes:
    """Draw which label (rows) got which (columns); each row adds up to 1."""
    labels = sorted({label for pair in pairs for label in pair})
    places = {label: place for place, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    for (gold, given), count in Counter(pairs).items():
        counts[places[gold], places[given]] = count
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(4 + 0.16 * len(labels), 24)
    figure, axes = _figure(side, side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [label[:LONGEST_LABEL] for label in labels]
    size = max(4, min(9, 500 / max(len(labels), 1)))
    axes.set_xticks(range(len(labels)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(labels)), names, fontsize=size)
    axes.set(title=title, xlabel="given", ylabel="should be")
    figure.colorbar(image, fraction=0.04)
    return _png(figure)


def draw_reliability(bins: Sequence[Bin], title: str) -> bytes:
    """Draw how often predictions of each confidence are right, and how many there are."""
    filled = [each for each in bins if each.count]
    figure, axes = _figure(6, 5)
    width = 1 / max(len(bins), 1)
    share = [each.count / max(sum(one.count for one in filled), 1) for each in filled]
    middles = [(each.lower + each.upper) / 2 for each in filled]
    axes.bar(middles, share, width=width * 0.9, color=BAR, label="share of predictions")
    axes.plot([0, 1], [0, 1], color="gray", linestyle="--", label="perfect")
    confidence, accuracy = [each.confidence for each in filled], [each.accuracy for each in filled]
    axes.plot(confidence, accuracy, color=INK, marker="o", label="accuracy")
    axes.set(title=title, xlabel="confidence", ylabel="share", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:  # matplotlib is not always there to name its types
    from matplotlib.figure import Figure  # noqa: PLC0415  # without pyplot: no window, no state

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=DOTS_PER_INCH)
    return target.getvalue()
