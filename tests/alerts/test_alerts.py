"""What Prometheus is configured to do, judged by promtool, with cases in the files beside this one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.architecture.monitoring import ALERTS, KNOWN, PROMETHEUS, RULES, find_metrics
from tests.harness.processes import REPOSITORY

CASES = sorted(Path(__file__).parent.glob("*.yml"))
CHECKS = [
    (case["alertname"], bool(case["exp_alerts"]))
    for path in CASES
    for test in yaml.safe_load(path.read_text())["tests"]
    for case in test["alert_rule_test"]
]
NAMES = [alert["alert"] for alert in ALERTS]


def test_the_configuration_is_valid():
    run_promtool("check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_say_what_they_should(path):
    run_promtool("test", "rules", path)


@pytest.mark.parametrize("alert", NAMES)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert):
    assert {fires for name, fires in CHECKS if name == alert} == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_how_urgent_it_is_what_happened_and_what_to_do(alert):
    notes = alert["annotations"]

    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith((".", "}"))
    assert notes["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_the_runbook_has_a_section_for_every_alert():
    text = (REPOSITORY / "docs/runbook.md").read_text()

    assert set(re.findall(r"^## ([A-Z]\w+)$", text, re.MULTILINE)) == set(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_only_for_metrics_that_are_scraped_or_recorded(rule):
    assert find_metrics(rule["expr"])
    assert find_metrics(rule["expr"]) <= KNOWN


def run_promtool(*args: str | Path) -> None:
    """Run Prometheus's own tool, and show what it says when it is not content."""
    promtool = shutil.which("promtool")
    assert promtool, "the tests need promtool: run tests/install-servers"
    done = subprocess.run([promtool, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
