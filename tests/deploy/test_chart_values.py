"""Wrong values are refused with a word on what is wrong, and the schema knows every value there is."""

import json
from typing import Any

import helm_python
import pytest
import yaml

from tests.deploy.chart import CHART, KEDA, Values, load_chart, render
from ticketflow.workflow.plan import ticket_plan

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())

# The values, and a part of what Helm answers.
WRONG: dict[str, tuple[Values, str]] = {
    "a name nobody knows": ({"worker": {"replica": 3}}, "additional properties 'replica' not allowed"),
    "a part nobody knows": ({"wrokers": {}}, "additional properties 'wrokers' not allowed"),
    "a text for a number": ({"api": {"replicas": "three"}}, "at '/api/replicas': got string, want integer"),
    "a negative number": ({"worker": {"replicas": -1}}, "at '/worker/replicas': minimum: got -1, want 0"),
    "no threads": ({"worker": {"threads": 0}}, "at '/worker/threads': minimum: got 0, want 1"),
    "a step that does not exist": ({"worker": {"steps": ["drafts"]}}, "value must be one of 'classify', 'extract'"),
    "a pool that does not exist": ({"worker": {"pool": "gevent"}}, "value must be one of 'threads', 'prefork'"),
    "a way to scale that does not exist": ({"autoscaling": {"kind": "vpa"}}, "value must be one of 'none', 'keda'"),
    "an even number of brokers": ({"broker": {"cluster": {"replicas": 2}}}, "at '/broker/cluster/replicas'"),
    "a digest that is none": ({"image": {"digest": "sha256:abc"}}, "at '/image/digest': 'sha256:abc' does not match"),
    "two names for one image": (
        {"image": {"tag": "0.1.0", "digest": f"sha256:{'a' * 64}"}},
        "image: tag and digest both say which image; leave one of them empty",
    ),
    "memory nobody can read": ({"api": {"resources": {"limits": {"memory": "1 GB"}}}}, "/api/resources/limits/memory"),
    "a URL where the name of a Secret belongs": ({"database": {"secret": "postgresql://x"}}, "at '/database/secret'"),
    "an address among the settings": ({"settings": {"TICKETFLOW_DATABASE_URL": "x"}}, "invalid propertyName"),
    "a setting that is a list": ({"settings": {"TICKETFLOW_LLM_STEPS": ["draft"]}}, "/settings/TICKETFLOW_LLM_STEPS"),
    "too little time for requests": ({"api": {"terminationGracePeriodSeconds": 5}}, "minimum: got 5, want 16"),
    "no group": ({"workers": {"all": None}}, "no group takes the step classify"),
    "a step that no group takes": (
        {"workers": {"all": {"steps": ["classify", "extract", "research", "draft", "finalize"]}}},
        "no group takes the step review, where every ticket would stop; add it to the `steps` of one",
    ),
    "a queue length that is never reached": (
        {"worker": {"queueLength": 15}, **KEDA},
        "workers.all: queueLength is 15, and for 4 threads dispatchers publish at most 16 messages",
    ),
    "more at least than at most": (
        {"worker": {"minReplicas": 11}, "autoscaling": {"kind": "hpa"}},
        "workers.all: minReplicas is 11, maxReplicas is 10; make minReplicas the smaller",
    ),
    "an HPA down to nothing": (
        {"worker": {"minReplicas": 0}, "autoscaling": {"kind": "hpa"}},
        "workers.all: minReplicas is 0; only autoscaling.kind=keda brings a group back",
    ),
    "alerts about what nobody reads": (
        {"monitoring": {"rules": {"enabled": True}}},
        "monitoring.rules: alerts judge what the monitors have Prometheus read; set monitoring.monitors.enabled=true",
    ),
    "alerts without the exporter": (
        {"monitoring": {"monitors": {"enabled": True}, "rules": {"enabled": True}}, "exporter": {"enabled": False}},
        "monitoring.rules: most alerts read the exporter, and its absence is one; set exporter.enabled=true",
    ),
    "too little memory for child processes": (
        {"worker": {"pool": "prefork"}},
        "workers.all: resources.limits.memory is 1Gi, and 4 child processes with a model each, and their parent",
    ),
    "KEDA without a Prometheus": (
        {"autoscaling": {"kind": "keda"}},
        "autoscaling.prometheusUrl: say where KEDA finds Prometheus",
    ),
    "queues that nobody reads": (
        {"monitoring": {"monitors": {"enabled": True}}, "autoscaling": {"kind": "hpa"}},
        "autoscaling.queueLabels: workers follow RabbitMQ's /metrics/detailed",
    ),
    "an exporter that nobody reads": (
        {"autoscaling": {"kind": "hpa", "queueLabels": {"vhost": "tickets"}}},
        "workers.all: oldestDueAge is 30, and nobody reads it from the exporter; set monitoring.monitors.enabled=true",
    ),
    "the oldest due age without the exporter": (
        {"exporter": {"enabled": False}, **KEDA},
        "workers.all: oldestDueAge is 30, and only the exporter knows how old the oldest is",
    ),
    "a Prometheus that may not call the API": (
        {"monitoring": {"monitors": {"enabled": True}}, "networkPolicy": {"apiFrom": [{"podSelector": {}}]}},
        "networkPolicy.metricsFrom: say where Prometheus is",
    ),
    "an Ingress for nobody": ({"api": {"ingress": {"enabled": True}}}, "api.ingress.host: name the host"),
}


@pytest.mark.parametrize(("values", "answer"), WRONG.values(), ids=WRONG)
def test_is_refused(values, answer):
    with pytest.raises(helm_python.HelmError) as refusal:
        render(values)

    assert answer in str(refusal.value)


@pytest.mark.parametrize("memory", ["1500Mi", "1.5Gi", "1573M", "1573000k", "1572864000", 1_572_864_000, "2G"])
def test_enough_memory_for_child_processes_may_be_written_in_any_unit(memory):
    assert render({"worker": {"pool": "prefork", "resources": {"limits": {"memory": memory}}}})


def test_the_schema_knows_every_value_and_no_other():
    assert missing_from_each_other(load_chart().values, SCHEMA, "") == []


def test_the_steps_are_those_of_the_graph():
    steps = ticket_plan().order
    helpers = (CHART / "templates/_helpers.tpl").read_text()

    assert tuple(SCHEMA["definitions"]["group"]["properties"]["steps"]["items"]["enum"]) == steps
    assert f'"ticketflow.steps" -}}}}\n{" ".join(steps)}\n' in helpers


def test_a_group_says_nothing_that_groups_cannot_say():
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())["worker"]

    assert set(defaults) == set(SCHEMA["definitions"]["group"]["properties"])


def missing_from_each_other(values: Values, schema: dict[str, Any], path: str) -> list[str]:
    """List what values.yaml has and the schema has not, and the other way round."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    known = schema.get("properties", {})
    if schema.get("additionalProperties") is not False or path.endswith("resources"):
        return []
    wrong = [f"{path}/{name}" for name in set(values) ^ (set(known) - {"global"})]
    deeper = [name for name in set(values) & set(known) if isinstance(values[name], dict)]
    return wrong + [
        found for name in deeper for found in missing_from_each_other(values[name], known[name], f"{path}/{name}")
    ]
