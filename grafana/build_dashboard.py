"""Write the dashboard Grafana shows: ``python grafana/build_dashboard.py``. A test fails when it is stale."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).parent / "dashboards" / "ticket-flow.json"

# Its uid in grafana/provisioning/datasources.
_SOURCE = {"type": "prometheus", "uid": "prometheus"}
_GRID_COLUMNS = 24

# Our tasks and queues and nobody else's: workers, Flower and the exporter have queues of their own.
_STEPS = 'name=~"ticketflow[.]steps[.].+"'
_QUEUES = 'queue=~"steps[.].+"'


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are named."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; its place follows from the order and the sizes.

    Attributes:
        unit: Grafana's id of the unit, such as ``s`` or ``short``.
        width: Columns of Grafana's grid, of which there are 24.
        height: Rows of Grafana's grid; the panels of one row are of one height.
        alarm_at: From this value on the panel turns red.
    """

    title: str
    description: str
    queries: Sequence[Query]
    kind: Literal["stat", "timeseries"] = "timeseries"
    unit: str = "short"
    width: int = 12
    height: int = 8
    alarm_at: int | None = None


def _grown(counter: str) -> str:
    """Return how much a counter of steps grew in five minutes.

    ``increase()`` is 0 for a series that first appears at 1, and each worker and each kind of exception is a series of
    its own: the faults would not show. Sums are compared instead; they shrink with a restart of the exporter.
    """
    now = f"sum by (name) ({counter}{{{_STEPS}}})"
    return f"clamp_min({now} - (sum by (name) ({counter}{{{_STEPS}}} offset 5m) or {now} * 0), 0)"


PANELS = (
    Panel(
        "Workers up",
        "Workers that sent a heartbeat in the last minute.",
        [Query("sum(celery_worker_up)", "workers")],
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        "Messages of steps",
        "In a queue or with a worker. The backlog proper waits in PostgreSQL.",
        [Query(f"sum(rabbitmq_detailed_queue_messages{{{_QUEUES}}})", "messages")],
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        "Steps running",
        "Tasks the workers are running now.",
        [Query("sum(celery_worker_tasks_active)", "running")],
        kind="stat",
        width=6,
        height=4,
    ),
    Panel(
        "Dead letters",
        "Messages rejected for good or bound for no queue. Each is a ticket to look at, or somebody else's message.",
        [Query('sum(rabbitmq_detailed_queue_messages{queue="ticketflow.dead"})', "dead letters")],
        kind="stat",
        width=6,
        height=4,
        alarm_at=1,
    ),
    Panel(
        "Steps finished per second",
        "Tasks that succeeded, also those that found their step done already.",
        [Query(f"sum by (name) (rate(celery_task_succeeded_total{{{_STEPS}}}[$__rate_interval]))", "{{name}}")],
        unit="cps",
        width=8,
    ),
    Panel(
        "Step run time, median",
        "Half of the tasks took no longer.",
        [
            Query(
                "histogram_quantile(0.5, sum by (le, name) "
                f"(rate(celery_task_runtime_bucket{{{_STEPS}}}[$__rate_interval])))",
                "{{name}}",
            )
        ],
        unit="s",
        width=8,
    ),
    Panel(
        "Step run time, 95th percentile",
        "One task in twenty took longer.",
        [
            Query(
                "histogram_quantile(0.95, sum by (le, name) "
                f"(rate(celery_task_runtime_bucket{{{_STEPS}}}[$__rate_interval])))",
                "{{name}}",
            )
        ],
        unit="s",
        width=8,
    ),
    Panel(
        "Messages by step",
        "In the queue of the step or with a worker: where it piles up is the step that holds the others up.",
        [Query(f"sum by (queue) (rabbitmq_detailed_queue_messages{{{_QUEUES}}})", "{{queue}}")],
    ),
    Panel(
        "Messages in RabbitMQ",
        "Ready: in a queue. Unacknowledged: with a worker, running or waiting for a thread.",
        [
            Query(f"sum(rabbitmq_detailed_queue_messages_ready{{{_QUEUES}}})", "ready"),
            Query(f"sum(rabbitmq_detailed_queue_messages_unacked{{{_QUEUES}}})", "unacknowledged"),
        ],
    ),
    Panel(
        "Retried, rejected and failed in five minutes",
        "Retried: the step comes back after a backoff. Rejected: its ticket is parked and its message a dead letter; "
        "Celery counts it as failed too. Failed alone: the step raised, and the ticket comes back by its clock.",
        [
            Query(_grown("celery_task_retried_total"), "{{name}} retried"),
            Query(_grown("celery_task_rejected_total"), "{{name}} rejected"),
            Query(_grown("celery_task_failed_total"), "{{name}} failed"),
        ],
        width=24,
    ),
)


def build_dashboard() -> dict[str, Any]:
    """Return the dashboard in Grafana's JSON model."""
    placed = zip(PANELS, _place(PANELS), strict=True)
    return {
        "uid": "ticket-flow",
        "title": "Ticket Flow",
        "description": "Steps, queues and workers. Made by grafana/build_dashboard.py.",
        "tags": ["ticketflow"],
        "schemaVersion": 39,
        "editable": False,
        "timezone": "browser",
        "time": {"from": "now-30m", "to": "now"},
        "refresh": "15s",
        "panels": [_build_panel(number, panel, place) for number, (panel, place) in enumerate(placed, 1)],
    }


def build_json() -> str:
    """Return the text of the file."""
    return json.dumps(build_dashboard(), indent=2) + "\n"


def _place(panels: Sequence[Panel]) -> list[dict[str, int]]:
    """Set the panels from left to right, and in a new row when one is full."""
    places = []
    x = y = 0
    for panel in panels:
        places.append({"x": x, "y": y, "w": panel.width, "h": panel.height})
        x += panel.width
        if x >= _GRID_COLUMNS:
            x, y = 0, y + panel.height
    return places


def _build_panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _build_defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _build_defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "noValue": "none"}
    if panel.kind == "stat":  # left to itself, Grafana turns a number red from 80 on
        alarm = [] if panel.alarm_at is None else [{"color": "red", "value": panel.alarm_at}]
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": "green", "value": None}, *alarm]}
    return defaults


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"},
    "timeseries": {
        "legend": {
            "displayMode": "table",
            "placement": "right",
            "showLegend": True,
            "calcs": ["max"],
            "sortBy": "Max",
            "sortDesc": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}


if __name__ == "__main__":
    FILE.write_text(build_json())
