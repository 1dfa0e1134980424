"""A dashboard as Grafana asks for its data: variables put in, each expression over the time shown."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.processes import REPOSITORY

FOLDER = REPOSITORY / "grafana/dashboards"
STEP_S = 2
# As Grafana fills them in. Four looks of Prometheus, of which the slowest are five seconds apart.
BUILT_IN = {"__rate_interval": "20s"}


@dataclass(frozen=True)
class Series:
    """What one line of a panel shows: (second, value) by second."""

    name: str
    points: list[tuple[float, float]]

    @property
    def last(self) -> float:
        """Return what a panel of one number shows."""
        return self.points[-1][1]


class Source:
    """A Prometheus that is asked over the time from ``start`` on."""

    def __init__(self, url: str, start: float) -> None:
        """Remember where and since when."""
        self._client = httpx.Client(base_url=url, timeout=30)
        self.start = start

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def ask(self, expression: str, name: str, end: float) -> list[Series]:
        """Return the series of an expression that have a value, and not NaN only.

        Raises:
            AssertionError: Prometheus does not take the expression.
        """
        span = {"query": expression, "start": self.start, "end": end, "step": STEP_S}
        answer = self._client.post("/api/v1/query_range", data=span).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        found = [Series(_fill(name, each["metric"]), _read(each["values"])) for each in answer["data"]["result"]]
        return [series for series in found if series.points]

    def list_values(self, label: str, metric: str) -> list[str]:
        """Return the values of a label of a metric."""
        answer = self._client.get(f"/api/v1/label/{label}/values", params={"match[]": metric}).json()
        values: list[str] = answer["data"]
        return values


def read_dashboard(path: Path) -> dict[str, Any]:
    """Read a dashboard with its variables put in: all of their values."""
    text = path.read_text()
    dashboard: dict[str, Any] = json.loads(text)
    values = BUILT_IN | {each["name"]: each["allValue"] for each in list_choices(dashboard)}
    pattern = re.compile(r"\$(\w+)")
    assert set(pattern.findall(text)) - {"__all"} <= set(values)
    filled: dict[str, Any] = json.loads(pattern.sub(lambda found: values.get(found[1], found[0]), text))
    return filled


def list_choices(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the variables of a dashboard that are put into its expressions: all but that of its data source."""
    return [each for each in dashboard["templating"]["list"] if each["type"] == "query"]


def list_targets(dashboard: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the title, expression and legend of whatever a dashboard asks Prometheus."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]
    for marks in dashboard["annotations"]["list"]:
        yield marks["name"], marks["target"]["expr"], marks["titleFormat"]


def _fill(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


def _read(values: list[tuple[float, str]]) -> list[tuple[float, float]]:
    return [(second, float(value)) for second, value in values if not math.isnan(float(value))]
