"""What a dashboard is made of, and how Grafana writes it down (https://grafana.com/docs, "Dashboard JSON model")."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# Chosen at the top of a dashboard, at first Grafana's default or else its first one: a uid is right in one Grafana.
_SOURCE_VARIABLE = "datasource"
SOURCE = {"type": "prometheus", "uid": f"${{{_SOURCE_VARIABLE}}}"}
COLUMNS = 24
HEADING_ROWS = 1
RUNBOOK = "ticket-flow-runbook"
_TAG = "ticketflow"
_LINK: dict[str, Any] = {
    "tags": [],
    "url": "",
    "tooltip": "",
    "icon": "external link",
    "asDropdown": False,
    "includeVars": False,
    "keepTime": False,
    "targetBlank": False,
}

Kind = Literal["stat", "timeseries", "heatmap", "text"]
Color = Literal["green", "yellow", "orange", "red", "blue"]
Words = Mapping[int, tuple[str, Color]]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are named."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; its place follows from the order and the sizes.

    Attributes:
        text: What a panel of kind ``text`` says, in Markdown.
        unit: Grafana's id of the unit, such as ``s`` or ``short``.
        width: Columns of Grafana's grid, of which there are 24.
        height: Rows of Grafana's grid; the panels of one row are of one height.
        alarms: From which value on the panel has which colour; green below all.
        words: What to say instead of a value, and in which colour.
        runbook: The alert whose section of the runbook the panel links to.
        is_stacked: Whether the series add up to something.
        reach: The most the axis shows, where that is known.
    """

    title: str
    description: str
    queries: Sequence[Query] = ()
    kind: Kind = "timeseries"
    text: str = ""
    unit: str = "short"
    width: int = 8
    height: int = 8
    alarms: Mapping[float, Color] = field(default_factory=dict)
    words: Words = field(default_factory=dict)
    runbook: str | None = None
    is_stacked: bool = False
    reach: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading that folds them away."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard: the values of a label, one, some or all."""

    name: str
    title: str
    metric: str
    label: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Lines across all panels.

    Attributes:
        expr: Each series is a mark, wherever it has a value.
        is_value_time: Whether the value is the time of the mark, in milliseconds.
    """

    name: str
    expr: str
    title: str
    color: Color
    is_value_time: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    marks: Sequence[Marks] = ()


def build_json(dashboard: Dashboard, sections: Mapping[str, int]) -> str:
    """Return the text of a dashboard's file.

    Args:
        dashboard: What to write.
        sections: The ids of the runbook's panels, by the alert they are about.
    """
    return json.dumps(build_dashboard(dashboard, sections), indent=2, ensure_ascii=False) + "\n"


def build_dashboard(dashboard: Dashboard, sections: Mapping[str, int]) -> dict[str, Any]:
    """Return a dashboard in Grafana's JSON model."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [_TAG],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,  # one cross-hair over all panels
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "links": [_link_dashboards()],
        "templating": {"list": _build_variables(dashboard)},
        "annotations": {"list": [_build_marks(marks) for marks in dashboard.marks]},
        "panels": _build_rows(dashboard.rows, sections),
    }


def number_panels(rows: Sequence[Row]) -> dict[str, int]:
    """Return the id of each panel by its title: counted from 1 through headings and panels."""
    titles = [title for row in rows for title in (row.title, *(panel.title for panel in row.panels))]
    return {title: number for number, title in enumerate(titles, 1)}


def _build_rows(rows: Sequence[Row], sections: Mapping[str, int]) -> list[dict[str, Any]]:
    built: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        built.append(_build_heading(row, top) | {"id": len(built) + 1})
        top += HEADING_ROWS
        for panel in row.panels:
            built.append(_build_panel(panel, sections) | {"id": len(built) + 1})
        places = _place(row.panels, top)
        for made, place in zip(built[-len(places) :], places, strict=True):
            made["gridPos"] = place
        top = max(place["y"] + place["h"] for place in places)
    return built


def _place(panels: Sequence[Panel], top: int) -> list[dict[str, int]]:
    """Set the panels from left to right, and in a new line when one is full."""
    places = []
    x, y = 0, top
    for panel in panels:
        places.append({"x": x, "y": y, "w": panel.width, "h": panel.height})
        x += panel.width
        if x >= COLUMNS:
            x, y = 0, y + panel.height
    return places


def _build_heading(row: Row, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": COLUMNS, "h": HEADING_ROWS}
    return {"type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


def _build_panel(panel: Panel, sections: Mapping[str, int]) -> dict[str, Any]:
    shared = {"type": panel.kind, "title": panel.title, "description": panel.description}
    if panel.kind == "text":
        return shared | {"options": {"mode": "markdown", "content": panel.text}}
    return shared | {
        "datasource": SOURCE,
        "links": [_link_runbook(panel.runbook, sections)] if panel.runbook else [],
        "targets": [_build_target(query, index, panel.kind) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _build_defaults(panel), "overrides": []},
        "options": _build_options(panel),
    }


def _build_target(query: Query, index: int, kind: Kind) -> dict[str, Any]:
    target = {
        "refId": chr(ord("A") + index),
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
    }
    return target | ({"format": "heatmap"} if kind == "heatmap" else {})


def _build_defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}, *({"color": c, "value": v} for v, c in panel.alarms.items())]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "noValue": "none"}
    if panel.reach is not None:
        defaults["max"] = panel.reach
    if panel.kind == "stat":  # left to itself, Grafana turns a number red from 80 on
        words = {str(value): {"text": text, "color": color} for value, (text, color) in panel.words.items()}
        mappings = [{"type": "value", "options": words}] if words else []
        return defaults | {"thresholds": {"mode": "absolute", "steps": steps}, "mappings": mappings}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.is_stacked else "none", "group": "A"}
        defaults["custom"] = {"stacking": stacking, "fillOpacity": 30 if panel.is_stacked else 5, "showPoints": "never"}
        if panel.alarms:
            defaults["thresholds"] = {"mode": "absolute", "steps": steps}
            defaults["custom"]["thresholdsStyle"] = {"mode": "dashed"}
    return defaults


def _build_options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        shown = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": shown, "colorMode": "background" if panel.words else "value", "graphMode": "area"}
    if panel.kind == "heatmap":
        return {
            "calculate": False,
            "yAxis": {"unit": panel.unit},
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "reverse": False},
            "cellGap": 1,
            "tooltip": {"mode": "single", "yHistogram": False},
            "legend": {"show": True},
        }
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _build_variables(dashboard: Dashboard) -> list[dict[str, Any]]:
    if not any(panel.queries for row in dashboard.rows for panel in row.panels):
        return []
    source = {"type": "datasource", "name": _SOURCE_VARIABLE, "label": "Data source", "query": SOURCE["type"]}
    return [source | {"current": {"text": "default", "value": "default"}}, *map(_build_variable, dashboard.variables)]


def _build_variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.metric}, {variable.label})"
    return {
        "type": "query",
        "name": variable.name,
        "label": variable.title,
        "datasource": SOURCE,
        "query": {"query": query, "refId": variable.name},
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _build_marks(marks: Marks) -> dict[str, Any]:
    return {
        "name": marks.name,
        "datasource": SOURCE,
        "enable": True,
        "iconColor": marks.color,
        "target": {"refId": marks.name, "expr": marks.expr, "interval": "15s"},
        "titleFormat": marks.title,
        "useValueForTime": marks.is_value_time,
    }


def _link_runbook(alert: str, sections: Mapping[str, int]) -> dict[str, Any]:
    url = f"/d/{RUNBOOK}?viewPanel={sections[alert]}" if alert in sections else f"/d/{RUNBOOK}"
    return _LINK | {"type": "link", "title": f"What to do: {alert}", "url": url, "icon": "doc", "targetBlank": True}


def _link_dashboards() -> dict[str, Any]:
    shared = {"keepTime": True, "includeVars": True}  # the data source stays chosen
    return _LINK | {"type": "dashboards", "title": "Ticket Flow", "tags": [_TAG]} | shared
