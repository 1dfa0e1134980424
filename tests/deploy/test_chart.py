"""What the Helm chart makes of values, checked without a cluster."""

import re

import cloudcoil.models.keda.v1alpha1 as keda
import cloudcoil.models.prometheus_operator.v1 as prometheus_operator
import helm_python
import kubernetes_validate
import yaml

from tests.deploy.chart import (
    CHART,
    EVERYTHING,
    HPA,
    RELEASE,
    Manifest,
    combinations,
    environment,
    load_chart,
    matches,
    only,
    pods,
    render,
)
from ticketflow import __version__
from ticketflow.settings import Settings
from ticketflow.workflow.plan import ticket_plan

# Kubernetes' own objects have schemas to be held against; these are of operators.
FOREIGN = {
    "keda.sh/v1alpha1": {"ScaledObject"},
    "monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule", "ServiceMonitor"},
    "rabbitmq.com/v1beta1": {"RabbitmqCluster"},
}
MODELS = {"keda.sh/v1alpha1": keda, "monitoring.coreos.com/v1": prometheus_operator}
OLDEST, NEWEST = "1.27", "1.37"
DISPATCHER = "TICKETFLOW_DISPATCHER"


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


@combinations
def test_every_object_is_one_that_keda_and_the_prometheus_operator_know(values):
    manifests = [manifest for manifest in render(values) if manifest["apiVersion"] in MODELS]

    for manifest in manifests:
        model = getattr(MODELS[manifest["apiVersion"]], manifest["kind"]).model_validate(manifest)
        # What the model does not know it leaves out.
        assert model.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest


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
def test_every_pod_ends_when_it_is_told_to_even_while_it_waits_for_a_server(values):
    assert all(pod["spec"]["shareProcessNamespace"] for pod in pods(render(values)))


def test_a_worker_that_waits_for_its_database_is_restarted_by_no_probe():
    worker = container_of(only(render(), "Deployment", "-worker-all"))

    assert {name for name in worker if name.endswith("Probe")} == {"readinessProbe"}


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


def test_queues_of_a_broker_of_its_own_have_their_copies_whenever_they_were_declared():
    manifests = render({"broker": {"cluster": {"enabled": True, "replicas": 5}}})

    cluster, budget = (only(manifests, kind, "-broker") for kind in ("RabbitmqCluster", "PodDisruptionBudget"))
    config = cluster["spec"]["rabbitmq"]["additionalConfig"]
    assert "quorum_queue.continuous_membership_reconciliation.enabled = true\n" in config
    assert "quorum_queue.continuous_membership_reconciliation.target_group_size = 3\n" in config
    assert budget["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": cluster["metadata"]["name"]}


def test_the_chart_is_of_the_version_it_installs():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert about["appVersion"] == __version__
    assert container_of(only(render(), "Deployment", "-api"))["image"] == f"ticketflow:{__version__}"


def test_what_is_printed_at_the_end_names_what_there_is():
    notes = load_chart().render({}, **RELEASE)["ticketflow/templates/NOTES.txt"]

    names = {manifest["metadata"]["name"] for manifest in render()}
    assert set(re.findall(r"(?:deploy|service)/([-a-z]+)", notes)) == {"tickets-ticketflow-api"} <= names


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
