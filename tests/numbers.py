"""Numbers as Prometheus reads them: of this process, or from somebody's port."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from ticketflow.monitoring.system_metrics import SYSTEM_GAUGES
from ticketflow.observability.metrics import METRICS
from ticketflow.workflow.plan import ticket_plan


def read(name: str, **labels: str) -> float:
    """Read one number of this process; 0 where there is none."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@dataclass(frozen=True)
class Scrape:
    """What one process answered to a scrape, by name and labels."""

    series: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def get(self, name: str, **labels: str) -> float | None:
        """Return one number; ``None`` where there is none."""
        return self.series.get((name, frozenset(labels.items())))

    def sum(self, name: str) -> float:
        """Add up a metric over its labels."""
        return sum(value for (found, _), value in self.series.items() if found == name)


def scrape(port: int) -> Scrape:
    """Ask a process for its numbers."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return Scrape({(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples})


def find_strangers(found: Scrape) -> list[tuple[str, str, str]]:
    """List what our labels say beyond their closed sets: metric, label and value."""
    allowed = _list_allowed()
    strangers = []
    for name, labels in found.series:
        for label, value in labels if name.startswith("ticketflow_") else ():
            if label != "le" and value not in allowed.get((_family(name), label), ()):
                strangers.append((name, label, value))
    return strangers


def _list_allowed() -> dict[tuple[str, str], tuple[str, ...]]:
    steps = ticket_plan().order
    allowed = {(gauge.name, gauge.label or ""): gauge.values for gauge in SYSTEM_GAUGES}
    for metric, labels in METRICS:
        (family,) = metric.describe()
        allowed |= {(family.name, label): tuple(values or steps) for label, values in labels.items()}
    return allowed


def _family(sample: str) -> str:
    for ending in ("_total", "_bucket", "_count", "_sum"):
        sample = sample.removesuffix(ending)
    return sample
