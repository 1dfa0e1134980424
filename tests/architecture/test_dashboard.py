import re
import runpy

import pytest
import yaml

from tests.harness.processes import REPOSITORY

SCRIPT = runpy.run_path(str(REPOSITORY / "grafana/build_dashboard.py"))
PANELS = SCRIPT["build_dashboard"]()["panels"]
# What the exporter, RabbitMQ and Flower serve; the dashboard is drawn against the live ones before a release.
SCRAPED = {
    "celery_task_failed_total",
    "celery_task_rejected_total",
    "celery_task_retried_total",
    "celery_task_runtime_bucket",
    "celery_task_succeeded_total",
    "celery_worker_tasks_active",
    "celery_worker_up",
    "rabbitmq_detailed_queue_messages",
    "rabbitmq_detailed_queue_messages_ready",
    "rabbitmq_detailed_queue_messages_unacked",
}


def test_the_dashboard_is_current():
    assert SCRIPT["FILE"].read_text() == SCRIPT["build_json"](), "run `python grafana/build_dashboard.py`"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_only_for_metrics_that_are_scraped(panel):
    for target in panel["targets"]:
        named = set(re.findall(r"\b(?:celery|flower|rabbitmq|ticketflow)_\w+", target["expr"]))

        assert named
        assert named <= SCRAPED


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_reads_from_the_provisioned_source(panel):
    text = (REPOSITORY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    provisioned = {source["uid"] for source in yaml.safe_load(text)["datasources"]}

    assert {target["datasource"]["uid"] for target in panel["targets"]} <= provisioned


def test_no_two_panels_share_a_place():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert all(x < SCRIPT["_GRID_COLUMNS"] for x, _ in cells)
