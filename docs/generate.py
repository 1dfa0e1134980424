"""Write the pages that follow from the code: ``python docs/generate.py``. A test fails when one is stale."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ticketflow.api import Backend, create_app
from ticketflow.monitoring.system_metrics import DATABASE_UP, MIGRATION_BEHIND, SYSTEM_GAUGES
from ticketflow.observability.metrics import COUNTED_BY, METRICS
from ticketflow.settings import Settings
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.transitions import MOVES, TERMINAL

FOLDER = Path(__file__).parent
ALERTS = FOLDER.parent / "deploy/prometheus/rules/alerts.yml"
FIRST_RELEASE = "0.1.0"
_HEADER = "<!-- Made by docs/generate.py; change the code, then run `make docs`. -->\n"


class Variable(NamedTuple):
    """All that the reference says of one setting."""

    name: str
    meaning: str
    type: str
    is_required: bool
    default: str
    example: str
    since: str


def build_pages() -> dict[str, str]:
    """Return every generated page by its path below ``docs/``."""
    document = build_openapi()
    return {
        "configuration.md": build_configuration(),
        "reference/steps-and-statuses.md": build_steps_and_statuses(),
        "reference/openapi.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n",
        "reference/rest-api.md": build_rest_api(document),
        "reference/alerts.md": build_alerts(yaml.safe_load(ALERTS.read_text())),
        "reference/metrics.md": build_metrics(),
    }


# -- Settings ----------------------------------------------------------------------------------------------------------


def build_configuration() -> str:
    """Describe every environment variable, in the order of the settings."""
    sections = "\n".join(_describe(variable) for variable in list_variables())
    return f"""{_HEADER}
# Configuration

Every setting is an environment variable. All of them are optional: unset means embedded, which is what `ticketflow up`
runs on this machine. In production set [`TICKETFLOW_DATABASE_URL`](#ticketflow_database_url) and
[`TICKETFLOW_BROKER_URL`](#ticketflow_broker_url) for every process. A value that does not fit is refused at start, with
a line that says why.

{sections}"""


def list_variables() -> list[Variable]:
    """List the settings; what a field does not say of itself follows from its type."""
    shapes = Settings.model_json_schema()["properties"]
    return [
        Variable(
            name=f"TICKETFLOW_{name.upper()}",
            meaning=field.description or "",
            type=_write_type(shapes[name]),
            is_required=field.is_required(),
            default=_write_default(name, field.default),
            example=str(field.examples[0]) if field.examples else _find_example(shapes[name], field.default),
            # A setting that came later says so: json_schema_extra={"since": "0.2.0"}.
            since=shapes[name].get("since", FIRST_RELEASE),
        )
        for name, field in Settings.model_fields.items()
    ]


def _describe(variable: Variable) -> str:
    needed = "yes" if variable.is_required else "no"
    default = variable.default if variable.default in ("", _HOME_FOLDER) else f"`{variable.default}`"
    return f"""## `{variable.name}`

{variable.meaning}

| type | required | default | example | since |
|---|---|---|---|---|
| {variable.type} | {needed} | {default or "unset"} | `{variable.example}` | {variable.since} |
"""


_HOME_FOLDER = "`/var/lib/ticketflow` for root, else `~/.local/share/ticketflow`"
_LIMITS = {"minimum": "{:g} or more", "exclusiveMinimum": "more than {:g}", "maximum": "at most {:g}"}
_TYPES = {"boolean": "`true` or `false`", "object": "JSON object", "string": "text"}


def _write_type(shape: Mapping[str, Any]) -> str:
    """Put the JSON schema of a value into words."""
    for choice in shape.get("anyOf", ()):
        return _write_type(choice)  # the other one is null: unset
    if "enum" in shape:
        return "one of " + ", ".join(f"`{value}`" for value in shape["enum"])
    if shape["type"] == "array":
        return f"list with commas: {_write_type(shape['items'])}"
    if "format" in shape:
        return {"path": "path", "password": "secret"}[shape["format"]]
    if "pattern" in shape:
        return f"text that matches `{shape['pattern']}`"
    limits = [words.format(shape[key]) for key, words in _LIMITS.items() if key in shape]
    return ", ".join([_TYPES.get(shape["type"], shape["type"]), *limits])


def _write_default(name: str, default: Any) -> str:
    """Write a default as the variable would have it; nothing for none."""
    if name == "data_dir":
        return _HOME_FOLDER
    if default is None:
        return ""
    return ",".join(sorted(default)) if isinstance(default, frozenset) else json.dumps(default).strip('"')


def _find_example(shape: Mapping[str, Any], default: Any) -> str:
    """Return a value that differs from the default where the type names all there are, else the default."""
    if isinstance(default, bool):
        return json.dumps(not default)
    others = (value for value in shape.get("enum", ()) if value != default)
    return next(others, _write_default("", default))


# -- Steps and statuses ------------------------------------------------------------------------------------------------


def build_steps_and_statuses() -> str:
    """Draw the graph and the moves of a ticket, and list what each step may take."""
    drawn = build_graph().get_graph().draw_mermaid(with_styles=False)
    steps = [
        f"| {step.name} | `ticketflow.steps.{step.name}` | `steps.{step.name}` | {step.time_limit_s:g} s "
        f"| {step.retry.max_attempts} | {step.retry.initial_interval:g} s to {step.retry.max_interval:g} s |"
        for step in ticket_plan().steps.values()
    ]
    moves = [f"    {source} --> {target}" for source, targets in MOVES.items() for target in sorted(targets)]
    ends = [f"    {status} --> [*]" for status in sorted(TERMINAL)]
    return "\n".join(
        [
            _HEADER,
            "# Steps and statuses",
            "",
            "## The graph",
            "",
            "```mermaid",
            drawn.strip(),
            "```",
            "",
            "| step | Celery task | queue | time limit | attempts | backoff, full jitter |",
            "|---|---|---|---|---|---|",
            *steps,
            "",
            "## A ticket's statuses",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> queued",
            *moves,
            *ends,
            "```",
            "",
        ]
    )


# -- REST API ----------------------------------------------------------------------------------------------------------


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document that every API process serves; nothing is connected to."""
    sessions = build_session_factory(build_engine("postgresql+psycopg://nobody@127.0.0.1/nothing"))
    backend = Backend(Settings(dispatcher=False), sessions, _do_nothing, _do_nothing, _do_nothing)
    api = create_app(backend).extensions["flask-smorest"]["apis"][""]["ext_obj"]
    document: dict[str, Any] = api.spec.to_dict()
    return document


def _do_nothing(*_args: str) -> Any:
    """Stand in for what no page needs."""


def build_rest_api(document: Mapping[str, Any]) -> str:
    """List the calls of the API by resource."""
    calls: dict[str, list[str]] = {}
    for tag, row in _list_calls(document):
        calls.setdefault(tag, []).append(row)
    tables = "\n\n".join(
        "\n".join([f"## {tag}", "", "| call | what it does | answers |", "|---|---|---|", *rows])
        for tag, rows in calls.items()
    )
    return f"""{_HEADER}
# REST API

{document["info"]["description"].strip()}

Every running API describes itself in full: at `/docs` with forms to try the calls, also offline, and at `/openapi.json`
as OpenAPI {document["openapi"]}. [The same document](openapi.json) is kept here, so that a change of the contract shows
as a change of that file. Calls want `Authorization: Bearer tf_…`; `ticketflow keys create NAME` makes a key.

{tables}
"""


def _list_calls(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give each call's resource and its row."""
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            if not isinstance(call, dict):  # parameters that all methods share
                continue
            answers = ", ".join(sorted(status for status in call["responses"] if status != "default"))
            yield call["tags"][0], f"| `{method.upper()} {path}` | {call.get('summary', '')} | {answers} |"


# -- Alerts ------------------------------------------------------------------------------------------------------------

_FILLED_IN = re.compile(r"{{.*?}}(\s*{{.*?}})*")


def build_alerts(rules: Mapping[str, Any]) -> str:
    """List the alerts, the ones to get up for first, each with its section of the runbook."""
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    alerts.sort(key=lambda alert: alert["labels"]["severity"])  # critical, warning
    rows = "\n".join(_describe_alert(alert) for alert in alerts)
    return f"""{_HEADER}
# Alerts

The rules are `deploy/prometheus/rules/alerts.yml`. *critical*: act now, whatever the hour; *warning*: act today. An
alert fires when its condition has held for the time in the third column. The name leads to what to do.

| alert | severity | after | says |
|---|---|---|---|
{rows}
"""


def _describe_alert(alert: Mapping[str, Any]) -> str:
    name, summary = alert["alert"], _FILLED_IN.sub("…", alert["annotations"]["summary"])
    link = f"[{name}](../runbook.md#{name.lower()})"
    return f"| {link} | {alert['labels']['severity']} | {alert.get('for', 'at once')} | {summary} |"


# -- Metrics -----------------------------------------------------------------------------------------------------------


def build_metrics() -> str:
    """List every number we serve, by who serves it."""
    counted, measured = "\n".join(_list_metrics()), "\n".join(_list_gauges())
    return f"""{_HEADER}
# Metrics

What Prometheus reads from Ticket Flow. No label ever holds an id: its values come from the sets below, so the number of
series does not grow with the tickets. Counters and histograms of ours begin at 0 when a process starts.

## API processes and workers

The API serves them at `/metrics` on its own port, added up over gunicorn's processes. A worker serves them on
[`TICKETFLOW_METRICS_PORT`](../configuration.md#ticketflow_metrics_port), added up over its child processes if it has
any. Each counts what happens in it, so ask for sums over all of them. A dispatcher lives in every API process and in
every worker with threads. Neither asks for a key, because nothing here tells of a customer; still, a proxy that faces
the public should not pass `/metrics` on.

| name | type | labels | counted by | what it says |
|---|---|---|---|---|
{counted}

The API serves besides what
[prometheus-flask-exporter](https://github.com/rycus86/prometheus_flask_exporter) counts of its requests:
`flask_http_request_duration_seconds` (histogram; `method`, `status`, `url_rule`), `flask_http_request_total` and
`flask_http_request_exceptions_total` (counters; `method`, `status`). Requests with a method that HTTP does not know are
left out.

## Exporter

`ticketflow exporter` serves what only the database knows, measured anew for each scrape: one process for the whole
system, on port 9102 unless `--port` or `TICKETFLOW_METRICS_PORT` says otherwise. While the database is away there is
`ticketflow_database_up 0` and nothing else.

| name | type | labels | what it says |
|---|---|---|---|
{measured}

Its queries read tickets that have not ended, failed ones and the smaller tables. With 6.5 million tickets, 100,000 of
them due, a scrape took 0.2 s on a busy machine of two cores.

## What it costs

`python -m benchmarks.cardinality` restarts a worker 50 times while 10,000 tickets go through: 587 series of the worker
and 32 of the exporter after the first start, and the same ones after the last. What logs, metrics and events cost says
`make bench SCENARIO=a BENCH='--only ours --only unseen'` ([performance](../performance.md)); where the embedded engine
thinks it was 6 % of the workers' processor time for a ticket.
"""


def _list_metrics() -> Iterator[str]:
    for metric, labels in METRICS:
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        said = "; ".join(f"`{label}`: {_write_values(label, values)}" for label, values in labels.items())
        yield f"| `{name}` | {family.type} | {said} | {COUNTED_BY[metric]} | {family.documentation} |"


def _list_gauges() -> Iterator[str]:
    for name, meaning in (DATABASE_UP, MIGRATION_BEHIND):
        yield f"| `{name}` | gauge | | {meaning} |"
    for gauge in SYSTEM_GAUGES:
        said = f"`{gauge.label}`: {_write_values(gauge.label, gauge.values)}" if gauge.label else ""
        yield f"| `{gauge.name}` | gauge | {said} | {gauge.help_text} |"


def _write_values(label: str, values: Sequence[str]) -> str:
    return "the release" if label == "version" else ", ".join(values) or "every step"


if __name__ == "__main__":
    for path, text in build_pages().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text)
