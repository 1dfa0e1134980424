"""The Helm chart as Helm renders it, and the values it is tried with."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python
import pytest
import yaml

from tests.harness.processes import REPOSITORY

CHART = REPOSITORY / "deploy/helm/ticketflow"
RELEASE = {"name": "tickets", "namespace": "support"}

Values = dict[str, Any]
Manifest = dict[str, Any]

GROUPS: Values = {
    "all": None,
    "quick": {"steps": ["classify", "extract", "research", "finalize"], "threads": 8, "queueLength": 16},
    "writing": {
        "steps": ["draft", "review"],
        "pool": "prefork",
        "settings": {"TICKETFLOW_MAX_TASKS_PER_CHILD": 1000},
        "resources": {"requests": {"cpu": 1, "memory": "1500Mi"}, "limits": {"memory": "2Gi"}},
    },
}

PROMETHEUS_URL = "http://prometheus-operated.monitoring.svc:9090"
EVERYTHING: Values = {
    "image": {"repository": "registry.example/ticketflow", "digest": f"sha256:{'a' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "broker": {"cluster": {"enabled": True, "image": "rabbitmq:4", "storageClassName": "fast"}},
    "settings": {"TICKETFLOW_LLM": "openai:gpt-5-mini", "TICKETFLOW_MAX_BODY_BYTES": 2_097_152},
    "envFrom": [{"secretRef": {"name": "ticketflow-llm"}}],
    "api": {
        "autoscaling": {"enabled": True},
        "service": {"annotations": {"example/a": "b"}},
        "ingress": {"enabled": True, "className": "nginx", "host": "tickets.example", "tlsSecret": "tickets-tls"},
    },
    "workers": GROUPS,
    "autoscaling": {"kind": "keda", "prometheusUrl": PROMETHEUS_URL},
    "monitoring": {
        "monitors": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True, "runbookUrl": "https://docs.example/runbook.html"},
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Tickets"}},
    },
    "networkPolicy": {
        "apiFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "databaseTo": [{"ipBlock": {"cidr": "192.0.2.10/32"}}],
        "brokerTo": [{"podSelector": {}}],
        "extraEgress": [{"ports": [{"port": 4317, "protocol": "TCP"}]}],
    },
    "serviceAccount": {"annotations": {"example/role": "tickets"}},
    "pods": {
        "annotations": {"example/a": "b"},
        "labels": {"team": "support"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "volumes": [{"name": "files", "configMap": {"name": "ticketflow-files"}}],
        "volumeMounts": [{"name": "files", "mountPath": "/etc/ticketflow"}],
    },
}
# A RabbitMQ and a Prometheus that others run.
ELSEWHERE: Values = {"exporterLabels": {"team": "support"}, "queueLabels": {"vhost": "tickets"}}
HPA: Values = {"workers": GROUPS, "autoscaling": {"kind": "hpa", **ELSEWHERE}}
KEDA: Values = {"autoscaling": {"kind": "keda", "prometheusUrl": PROMETHEUS_URL, **ELSEWHERE}}
AS_LITTLE_AS_CAN_BE: Values = {
    "exporter": {"enabled": False},
    "migration": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
    "serviceAccount": {"create": False},
    "pods": {"spread": False},
}
OWN_BROKER: Values = {"broker": {"cluster": {"enabled": True}}}
WATCHED: Values = {"monitoring": {"monitors": {"enabled": True}, "rules": {"enabled": True}}}
COMBINATIONS = {
    "default": {}, "everything": EVERYTHING, "hpa": HPA, "watched": WATCHED, "little": AS_LITTLE_AS_CAN_BE,
}  # fmt: skip
combinations = pytest.mark.parametrize("values", COMBINATIONS.values(), ids=COMBINATIONS)


@cache
def load_chart() -> helm_python.Chart:
    """Read the chart from its folder."""
    return helm_python.Chart.load(CHART)


def render(values: Values | None = None, chart: helm_python.Chart | None = None) -> list[Manifest]:
    """Return every object the chart, or another one, makes of some values."""
    return _render(json.dumps(values or {}), chart or load_chart())


@cache
def _render(values: str, chart: helm_python.Chart) -> list[Manifest]:
    files = chart.render(json.loads(values), **RELEASE)
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def only(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the one object of a kind whose name ends so."""
    (found,) = (
        manifest for manifest in manifests if manifest["kind"] == kind and manifest["metadata"]["name"].endswith(name)
    )
    return found


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Yield what makes pods, as pods: `metadata` and `spec`."""
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "Job"}:
            yield manifest["spec"]["template"]
        elif manifest["kind"] == "Pod":
            yield manifest


def environment(pod: Manifest) -> dict[str, Any]:
    """Return the variables of a pod's container: a text, or where it comes from."""
    (container,) = pod["spec"]["containers"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """Tell whether a selector is for a pod with these labels."""
    wanted, rules = selector.get("matchLabels", {}), selector.get("matchExpressions", [])
    return wanted.items() <= labels.items() and all(
        (labels.get(rule["key"]) in rule["values"]) == (rule["operator"] == "In") for rule in rules
    )
