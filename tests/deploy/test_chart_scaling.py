"""How many workers and API pods there are, where something else decides."""

from tests.architecture.monitoring import KNOWN, find_metrics
from tests.deploy.chart import EVERYTHING, HPA, KEDA, combinations, only, render


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
