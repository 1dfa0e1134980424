"""Every query of the dashboards has the value it should have, on series that are known."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.platform import PLATFORM
from grafana.ticket_flow import TICKET_FLOW
from tests.alerts.test_alerts import run_promtool
from tests.architecture.monitoring import PROMETHEUS

HERE = Path(__file__).parent
SERIES = yaml.safe_load((HERE / "series.yml").read_text())
# By dashboard, panel and legend, as promtool writes samples.
EXPECTED = yaml.safe_load((HERE / "expected.yml").read_text())
# As Grafana puts in two of the steps and of the queues, and four scrapes.
CHOSEN = {"$__rate_interval": "1m", "$step": "(draft|review)", "$queue": "(steps\\\\.draft|ticketflow\\\\.dead)"}
WHEN = "2h"
MARKS = "across all panels"


def list_queries() -> Iterator[tuple[str, str, str, str]]:
    """Yield dashboard, panel, legend and expression of all that is asked."""
    for dashboard in (TICKET_FLOW, PLATFORM):
        for row in dashboard.rows:
            for panel in row.panels:
                for query in panel.queries:
                    yield dashboard.uid, f"{row.title} / {panel.title}", query.legend, query.expr
        for marks in dashboard.marks:
            yield dashboard.uid, MARKS, marks.title, marks.expr


QUERIES = list(list_queries())


def find_expected(dashboard: str, panel: str, legend: str) -> dict[str, float]:
    return EXPECTED[dashboard].get(panel, {}).get(legend, {})


def test_every_query_gives_what_it_should(tmp_path):
    cases = [build_case(expr, find_expected(dashboard, panel, legend)) for dashboard, panel, legend, expr in QUERIES]
    path = tmp_path / "dashboards.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(PROMETHEUS / "rules/recording.yml")],
                "evaluation_interval": "15s",
                "tests": [{"interval": "15s", "input_series": SERIES, "promql_expr_test": cases}],
            }
        )
    )

    run_promtool("test", "rules", path)


@pytest.mark.parametrize(
    ("dashboard", "panel", "legend", "expr"), QUERIES, ids=[" ".join(each[:3]) for each in QUERIES]
)
def test_a_query_has_something_to_give_and_what_its_legend_names(dashboard, panel, legend, expr):
    expected = find_expected(dashboard, panel, legend)

    assert expected, "expected.yml says nothing of it"
    for sample in expected:
        if sample != "{}":  # what stands for none has no labels
            assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= set(re.findall(r"(\w+)=", sample))


def test_nothing_is_expected_of_queries_that_are_gone():
    named = {
        (dashboard, panel, legend)
        for dashboard, panels in EXPECTED.items()
        for panel, legends in panels.items()
        for legend in legends
    }

    assert named == {query[:3] for query in QUERIES}


@pytest.mark.parametrize("variable", [*TICKET_FLOW.variables, *PLATFORM.variables], ids=lambda each: each.name)
def test_a_variable_offers_the_values_there_are(variable):
    offered = {
        value
        for each in SERIES
        if each["series"].startswith(variable.metric + "{")
        for value in re.findall(rf'\b{variable.label}="([^"]+)"', each["series"])
    }

    assert {"step": {"draft", "review", "classify"}, "queue": {"steps.draft", "steps.classify", "ticketflow.dead"}}[
        variable.name
    ] == offered


# As the alerts and the objective have them.
ALARMS = {
    "Do tickets flow? / Alerts": {1: "orange"},
    "Do tickets flow? / Longest wait": {60: "yellow", 300: "red"},
    "Do tickets flow? / Failed": {1: "orange"},
    "Do tickets flow? / Late or failed": {0.01: "yellow", 0.144: "red"},
    "Tickets / Late or failed": {0.01: "yellow", 0.144: "red"},
    "Tickets / Longest wait": {300: "red"},
    "What goes wrong / Tries that fail": {0.1: "red"},
    "Queues and workers / Dispatcher's last look": {60: "red"},
    "Webhooks / Longest wait of a webhook": {300: "red"},
    "Is everything there? / Not answering": {1: "red"},
}


def test_a_panel_changes_its_colour_where_somebody_should_look():
    rows = [row for dashboard in (TICKET_FLOW, PLATFORM) for row in dashboard.rows]

    assert {f"{row.title} / {each.title}": each.alarms for row in rows for each in row.panels if each.alarms} == ALARMS


def build_case(expr: str, expected: dict[str, float]) -> dict[str, Any]:
    """Build promtool's case of an expression; what is divided is rounded, or no file could say it."""
    for name, value in CHOSEN.items():
        expr = expr.replace(name, value)
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    return {"expr": f"round({expr}, 0.001)", "eval_time": WHEN, "exp_samples": samples}
