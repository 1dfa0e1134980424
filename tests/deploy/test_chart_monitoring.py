"""What the chart has Prometheus read and judge, and Grafana show."""

import re
from collections.abc import Iterator

import helm_python
import pytest
import yaml

from tests.deploy.chart import CHART, EVERYTHING, OWN_BROKER, RELEASE, WATCHED, Manifest, matches, only, render
from tests.harness.processes import REPOSITORY

RULES = REPOSITORY / "deploy/prometheus/rules"
DASHBOARDS = REPOSITORY / "grafana/dashboards"
ENDPOINTS = ("endpoints", "podMetricsEndpoints")


def test_the_alerts_are_those_of_deploy_prometheus():
    values = {**EVERYTHING, "autoscaling": {"kind": "none"}}

    groups = only(render(values), "PrometheusRule")["spec"]["groups"]
    url = EVERYTHING["monitoring"]["rules"]["runbookUrl"]
    written = [path.read_text().replace("docs/runbook.md", url) for path in sorted(RULES.glob("*.yml"))]
    assert groups == [group for text in written for group in yaml.safe_load(text)["groups"]]


@pytest.mark.parametrize("values", [WATCHED, EVERYTHING], ids=["watched", "everything"])
def test_only_a_job_that_is_read_can_be_missed(values):
    manifests = render(values)

    expressions = [rule["expr"] for rule in list_rules(manifests)]
    missed = {job for expr in expressions for job in re.findall(r'absent\(up\{job="([^"]+)"\}\)', expr)}
    assert missed == {"ticketflow-exporter", "rabbitmq"} & list_jobs(manifests)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (WATCHED, 'or absent(up{job="rabbitmq"}) * 0'),
        (
            {**OWN_BROKER, **WATCHED, "autoscaling": {"kind": "hpa"}},
            "or ticketflow:workers:max < quantile_over_time(0.5, ticketflow:workers:max[1h])",
        ),
    ],
    ids=["a broker that nobody reads", "workers that follow the load"],
)
def test_a_line_of_an_alert_that_would_call_for_nothing_is_left_out_and_no_other(values, line):
    written = (RULES / "alerts.yml").read_text()

    left = written.replace(f"\n          {line}", "")
    assert left != written
    assert [rule for rule in list_rules(render(values)) if "alert" in rule] == [
        rule for group in yaml.safe_load(left)["groups"] for rule in group["rules"]
    ]


def test_prometheus_may_reach_every_port_that_it_is_told_to_read():
    manifests = render(EVERYTHING)

    (prometheus,) = EVERYTHING["networkPolicy"]["metricsFrom"]
    ports = {(pod, port) for manifest in manifests for pod, port in list_read_ports(manifest)}
    assert ports == {("api", "http"), ("worker", "metrics"), ("exporter", "metrics")}
    for component, port in ports:
        assert any(
            admits(manifest, component, port, prometheus)
            for manifest in manifests
            if manifest["kind"] == "NetworkPolicy"
        ), component


def test_the_dashboards_are_those_of_grafana():
    maps = [manifest for manifest in render(EVERYTHING) if manifest["kind"] == "ConfigMap"]

    shown = {name: text for manifest in maps for name, text in manifest["data"].items()}
    assert shown == {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")}
    assert all(manifest["metadata"]["labels"]["grafana_dashboard"] == "1" for manifest in maps)


def test_a_package_carries_alerts_and_dashboards_not_links_to_them(tmp_path):
    archive = helm_python.package(CHART, destination=tmp_path)

    with helm_python.Chart.load(archive) as packed:
        files = packed.render(EVERYTHING, **RELEASE)
    assert "alert: TicketsNotFlowing" in files["ticketflow/templates/monitoring.yaml"]
    assert "ticket-flow.json" in files["ticketflow/templates/monitoring.yaml"]


def test_jobs_are_named_as_alerts_and_dashboards_know_them():
    scraped = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]

    jobs = list_jobs(render(EVERYTHING))
    assert jobs == {"ticketflow-api", "ticketflow-worker", "ticketflow-exporter", "rabbitmq", "rabbitmq-queues"}
    assert jobs <= {config["job_name"] for config in scraped}


def list_rules(manifests: list[Manifest]) -> list[Manifest]:
    """List the alerts and the recorded figures."""
    return [rule for group in only(manifests, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]


def list_jobs(manifests: list[Manifest]) -> set[str]:
    """Name what monitors have Prometheus read."""
    monitors = [manifest["spec"] for manifest in manifests if manifest["kind"].endswith("Monitor")]
    endpoints = [endpoint for spec in monitors for key in ENDPOINTS for endpoint in spec.get(key, [])]
    return {endpoint["relabelings"][0]["replacement"] for endpoint in endpoints}


def list_read_ports(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the component and the port of ours that a monitor has Prometheus read."""
    selected = manifest["spec"]["selector"]["matchLabels"] if manifest["kind"].endswith("Monitor") else {}
    if component := selected.get("app.kubernetes.io/component"):
        for endpoint in (endpoint for key in ENDPOINTS for endpoint in manifest["spec"].get(key, [])):
            yield component, endpoint["port"]


def admits(policy: Manifest, component: str, port: str, peer: Manifest) -> bool:
    """Tell whether a network policy lets a peer reach a port of a component's pods."""
    labels = {**policy["spec"]["podSelector"]["matchLabels"], "app.kubernetes.io/component": component}
    return matches(policy["spec"]["podSelector"], labels) and any(
        {"port": port, "protocol": "TCP"} in rule["ports"] and peer in rule.get("from", [peer])
        for rule in policy["spec"].get("ingress", [])
    )
