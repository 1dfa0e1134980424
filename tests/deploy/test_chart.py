"""What the Helm chart makes of values, checked without a cluster."""

import re
from collections.abc import Iterator

import helm_python
import kubernetes_validate
import pytest
import yaml

from tests.architecture.monitoring import KNOWN, find_metrics
from tests.deploy.chart import (
    CHART,
    COMBINATIONS,
    EVERYTHING,
    HPA,
    KEDA,
    RELEASE,
    WATCHED,
    Manifest,
    environment,
    load_chart,
    only,
    pods,
    render,
)
from tests.harness.processes import REPOSITORY
from ticketflow import __version__
from ticketflow.settings import Settings
from ticketflow.workflow.plan import ticket_plan

# Kubernetes' own objects have schemas to be held against; these are of operators.
FOREIGN = {
    "keda.sh/v1alpha1": {"ScaledObject"},
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule", "ServiceMonitor"},
    "rabbitmq.com/v1beta1": {"RabbitmqCluster"},
}
OLDEST, NEWEST = "1.27", "1.37"
RULES = REPOSITORY / "deploy/prometheus/rules"
DASHBOARDS = REPOSITORY / "grafana/dashboards"
DISPATCHER = "TICKETFLOW_DISPATCHER"
ENDPOINTS = ("endpoints", "podMetricsEndpoints")

combinations = pytest.mark.parametrize("values", COMBINATIONS.values(), ids=COMBINATIONS)


@combinations
def test_helm_finds_nothing_to_complain_about(values):
    report = helm_python.lint(CHART, values, strict=True)

    warnings = [message for message in report["messages"] if message["severity"] > 1]
    assert (report["errors"], warnings) == ([], [])


@combinations
def test_every_object_is_one_that_kubernetes_knows(values):
    manifests = [manifest for manifest in render(values) if manifest["apiVersion"] not in FOREIGN]

    for manifest in manifests:
        kubernetes_validate.validate(manifest, NEWEST, strict=True)

    assert manifests


def test_the_oldest_supported_kubernetes_knows_every_object_too():
    for manifest in render(EVERYTHING):
        if manifest["apiVersion"] not in FOREIGN:
            kubernetes_validate.validate(manifest, OLDEST, strict=True)

    assert f">={OLDEST}." in yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]


def test_objects_of_operators_are_of_the_kinds_they_know():
    found = {(manifest["apiVersion"], manifest["kind"]) for manifest in render(EVERYTHING)}

    foreign = {(version, kind) for version, kinds in FOREIGN.items() for kind in kinds}
    assert {(version, kind) for version, kind in found if version in FOREIGN} == foreign


@combinations
def test_no_two_objects_have_the_same_name(values):
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in render(values)]

    assert sorted(set(names)) == sorted(names)


def test_names_stay_within_what_kubernetes_allows():
    values = {**EVERYTHING, "fullnameOverride": "x" * 63, "workers": {"all": None, "g" * 16: {}}}

    assert max(len(manifest["metadata"]["name"]) for manifest in render(values)) <= 63


@combinations
def test_every_pod_may_do_as_little_as_it_can(values):
    for pod in pods(render(values)):
        spec, (container,) = pod["spec"], pod["spec"]["containers"]

        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert {"requests", "limits"} <= set(container["resources"])


@combinations
def test_addresses_of_servers_come_from_secrets_alone(values):
    for pod in pods(render(values)):
        variables = environment(pod)

        assert set(variables["TICKETFLOW_DATABASE_URL"]) == {"secretKeyRef"}
        assert set(variables.get("TICKETFLOW_BROKER_URL", {"secretKeyRef"})) == {"secretKeyRef"}


@combinations
def test_every_selector_finds_a_pod(values):
    manifests = render(values)
    labels = [pod["metadata"]["labels"] for pod in pods(manifests)]

    for manifest in manifests:
        for selector in list_selectors(manifest):
            assert any(matches(selector, found) for found in labels), (manifest["kind"], manifest["metadata"]["name"])


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


def test_only_settings_that_exist_are_set():
    known = {f"TICKETFLOW_{name.upper()}" for name in Settings.model_fields} | {"WEB_CONCURRENCY"}

    assert {name for pod in pods(render(EVERYTHING)) for name in environment(pod)} <= known


def test_numbers_reach_a_process_as_they_were_written():
    manifests = render({"settings": {"TICKETFLOW_MAX_BODY_BYTES": 2_097_152, "TICKETFLOW_ANSWER_CONFIDENCE": 0.95}})

    variables = environment(only(manifests, "Deployment", "-api")["spec"]["template"])
    assert (variables["TICKETFLOW_MAX_BODY_BYTES"], variables["TICKETFLOW_ANSWER_CONFIDENCE"]) == ("2097152", "0.95")


def test_a_setting_of_one_part_goes_before_that_of_all_even_when_it_says_no():
    manifests = render({"settings": {DISPATCHER: True}, "api": {"settings": {DISPATCHER: False}}})

    api, worker = (environment(only(manifests, "Deployment", name)["spec"]["template"]) for name in ("-api", "-all"))
    assert (api[DISPATCHER], worker[DISPATCHER]) == ("false", "true")


def test_a_group_takes_the_queues_of_its_steps():
    manifests = render(HPA)

    quick, writing = (only(manifests, "Deployment", f"-worker-{name}") for name in ("quick", "writing"))
    assert container_of(quick)["args"] == ["-Q", "steps.classify,steps.extract,steps.research,steps.finalize"]
    assert container_of(writing)["args"] == ["-Q", "steps.draft,steps.review"]
    assert "args" not in container_of(only(render(), "Deployment", "-worker-all"))


def test_a_worker_has_time_for_its_longest_step_before_it_is_killed():
    worker = only(render(), "Deployment", "-worker-all")

    longest_s = max(step.time_limit_s for step in ticket_plan().steps.values())
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > longest_s


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


def test_the_migration_comes_first_and_needs_nothing_of_the_release():
    job = only(render(), "Job")

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    assert set(environment(job["spec"]["template"])) == {"TICKETFLOW_DATABASE_URL", "TICKETFLOW_LOG_FORMAT"}


def test_a_broker_of_its_own_is_where_every_process_looks():
    manifests = render({"broker": {"cluster": {"enabled": True}}})

    cluster = only(manifests, "RabbitmqCluster")["metadata"]["name"]
    worker = environment(only(manifests, "Deployment", "-worker-all")["spec"]["template"])
    assert worker["TICKETFLOW_BROKER_URL"] == {
        "secretKeyRef": {"name": f"{cluster}-default-user", "key": "connection_string"}
    }


def test_the_alerts_are_those_of_deploy_prometheus():
    groups = only(render(EVERYTHING), "PrometheusRule")["spec"]["groups"]

    url = EVERYTHING["monitoring"]["rules"]["runbookUrl"]
    written = [path.read_text().replace("docs/runbook.md", url) for path in sorted(RULES.glob("*.yml"))]
    assert groups == [group for text in written for group in yaml.safe_load(text)["groups"]]


@pytest.mark.parametrize("values", [WATCHED, EVERYTHING], ids=["watched", "everything"])
def test_only_a_job_that_is_read_can_be_missed(values):
    manifests = render(values)

    expressions = [rule["expr"] for rule in list_rules(manifests)]
    missed = {job for expr in expressions for job in re.findall(r'absent\(up\{job="([^"]+)"\}\)', expr)}
    assert missed == {"ticketflow-exporter", "rabbitmq"} & list_jobs(manifests)


def test_the_alerts_without_a_broker_to_read_are_still_those_that_were_written():
    written = (RULES / "alerts.yml").read_text()

    absent = '\n          or absent(up{job="rabbitmq"}) * 0'
    left = [rule for group in yaml.safe_load(written.replace(absent, ""))["groups"] for rule in group["rules"]]
    assert absent in written
    assert [rule for rule in list_rules(render(WATCHED)) if "alert" in rule] == left


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


def test_the_chart_is_of_the_version_it_installs():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert about["appVersion"] == __version__
    assert container_of(only(render(), "Deployment", "-api"))["image"] == f"ticketflow:{__version__}"


def test_what_is_printed_at_the_end_names_what_there_is():
    notes = load_chart().render({}, **RELEASE)["ticketflow/templates/NOTES.txt"]

    names = {manifest["metadata"]["name"] for manifest in render()}
    assert set(re.findall(r"(?:deploy|service)/([-a-z]+)", notes)) == {"tickets-ticketflow-api"} <= names


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


def container_of(deployment: Manifest) -> Manifest:
    """Return a deployment's one container."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container


def list_selectors(manifest: Manifest) -> list[Manifest]:
    """List what an object says about the pods it is for, those of the broker's operator left out."""
    spec = manifest.get("spec", {})
    found = [spec[key] for key in ("selector", "podSelector") if key in spec]
    if manifest["kind"] == "Service":
        found = [{"matchLabels": spec["selector"]}]
    return [] if manifest["metadata"]["name"].endswith("-broker") else found


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """Tell whether a selector is for a pod with these labels."""
    wanted, rules = selector.get("matchLabels", {}), selector.get("matchExpressions", [])
    return wanted.items() <= labels.items() and all(
        (labels.get(rule["key"]) in rule["values"]) == (rule["operator"] == "In") for rule in rules
    )
