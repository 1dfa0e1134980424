"""How many workers and API pods there are, where something else decides."""

import re
import shutil
from pathlib import Path

import helm_python
import pytest

from tests.architecture.monitoring import KNOWN, find_metrics
from tests.deploy.chart import CHART, EVERYTHING, HPA, KEDA, Manifest, combinations, only, render


@combinations
def test_what_scales_names_a_deployment_that_leaves_the_number_to_it(values):
    manifests = render(values)
    scaled = {
        manifest["spec"]["scaleTargetRef"]["name"]
        for manifest in manifests
        if manifest["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
    }

    deployments = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "Deployment"}
    assert scaled <= set(deployments)
    assert scaled == {name for name, spec in deployments.items() if "replicas" not in spec}


@pytest.mark.parametrize(("live", "kept"), [(7, {7}), (0, {2})], ids=["many", "none"])
def test_a_deployment_that_is_there_keeps_its_pods_when_something_else_begins_to_count_them(live, kept, tmp_path):
    chart = copy_chart_finding(tmp_path, f'(dict "spec" (dict "replicas" {live}))')

    manifests = render({**HPA, "api": {"autoscaling": {"enabled": True}}}, chart)
    deployments = [manifest for manifest in manifests if manifest["kind"] == "Deployment"]
    assert {deployment["spec"]["replicas"] for deployment in deployments if not is_exporter(deployment)} == kept


def test_keda_follows_messages_with_the_group_and_the_oldest_due_ticket_of_this_release():
    triggers = only(render(EVERYTHING), "ScaledObject", "-worker-writing")["spec"]["triggers"]

    messages = 'rabbitmq_detailed_queue_messages{namespace="support",queue=~"steps[.](draft|review)"}'
    assert [(trigger["type"], trigger.get("metricType"), trigger["metadata"]["query"]) for trigger in triggers] == [
        ("prometheus", None, f"sum(max by (queue) ({messages}))"),
        ("prometheus", "Value", 'max(ticketflow_oldest_due_age_seconds{namespace="support"})'),
    ]


def test_an_hpa_follows_the_same_by_the_labels_that_a_broker_of_somebody_else_has():
    metrics = only(render(HPA), "HorizontalPodAutoscaler", "-worker-writing")["spec"]["metrics"]

    queues = {"key": "queue", "operator": "In", "values": ["steps.draft", "steps.review"]}
    assert [metric["external"]["metric"] for metric in metrics] == [
        {
            "name": "rabbitmq_detailed_queue_messages",
            "selector": {"matchLabels": {"vhost": "tickets"}, "matchExpressions": [queues]},
        },
        {"name": "ticketflow_oldest_due_age_seconds", "selector": {"matchLabels": {"team": "support"}}},
    ]


def test_what_keda_asks_is_scraped_and_means_something_to_prometheus():
    queries = [
        trigger["metadata"]["query"]
        for manifest in render(EVERYTHING)
        if manifest["kind"] == "ScaledObject"
        for trigger in manifest["spec"]["triggers"]
    ]

    for query in queries:
        assert find_metrics(query) <= KNOWN, query


def test_a_group_may_leave_the_oldest_due_ticket_to_others():
    manifests = render({"worker": {"oldestDueAge": 0}, "exporter": {"enabled": False}, **KEDA})

    (trigger,) = only(manifests, "ScaledObject")["spec"]["triggers"]
    assert "rabbitmq_detailed_queue_messages" in trigger["metadata"]["query"]


def copy_chart_finding(folder: Path, found: str) -> helm_python.Chart:
    """Copy the chart for a cluster in which every object that is looked up is this one: offline, Helm finds none."""
    shutil.copytree(CHART, folder / "ticketflow")
    helpers = folder / "ticketflow/templates/_helpers.tpl"
    text = helpers.read_text()
    helpers.write_text(re.sub(r"\blookup [^}]+? -}}", f"{found} -}}}}", text))
    assert helpers.read_text() != text
    return helm_python.Chart.load(folder / "ticketflow")


def is_exporter(deployment: Manifest) -> bool:
    """Tell whether a deployment is that of the exporter, of which there is always one."""
    return deployment["metadata"]["name"].endswith("-exporter")
