"""The runbook, the alerts, the doctor and the drills speak of the same failures, in the same words."""

import json
import re

import pytest

from tests.drills.runbook import PAGE, ROLES, read_alerts, read_runbook
from tests.drills.scenarios import SCENARIOS
from tests.harness.processes import REPOSITORY
from ticketflow.monitoring.finding import REPAIRS, Severity, build_finding

RUNBOOK = read_runbook()


def test_every_alert_has_a_section_and_every_section_an_alert():
    assert set(RUNBOOK) == set(read_alerts())


def test_every_section_is_drilled():
    assert set(SCENARIOS) == set(RUNBOOK)


def test_the_doctor_gives_the_commands_of_the_runbook():
    assert {name: section.commands["repair"] for name, section in RUNBOOK.items()} == REPAIRS


@pytest.mark.parametrize("name", RUNBOOK)
def test_a_section_says_how_it_looks_how_to_confirm_what_to_type_and_when_it_is_over(name):
    section = RUNBOOK[name]

    assert {"confirm", "repair"} <= set(section.commands) <= set(ROLES)
    for words in ("- **Grafana**:", "- **Flower**:", "- **Logs**:", "**Over** when"):
        assert words in section.text
    assert build_finding(Severity.NOTE, name, "").see == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("name", RUNBOOK)
def test_a_panel_that_a_section_names_exists(name):
    dashboards = [
        json.loads(path.read_text())
        for path in (REPOSITORY / "grafana/dashboards").glob("*.json")
        if path.stem != "runbook"
    ]
    titles = {panel["title"] for dashboard in dashboards for panel in dashboard["panels"]}
    looks = re.search(r"- \*\*Grafana\*\*:(.*?)(?=\n- )", RUNBOOK[name].text, re.DOTALL)
    assert looks is not None

    named = {each.replace("\n  ", " ") for each in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", looks[1])}

    assert named
    assert named <= titles


def test_no_command_is_drilled_outside_a_section():
    fences = re.findall(r"^```sh +(\w+)$", PAGE.read_text(), re.MULTILINE)

    assert len(fences) == sum(len(section.commands) for section in RUNBOOK.values())
