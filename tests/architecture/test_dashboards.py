import json
import re

import pytest
import yaml

from grafana.files import FOLDER, build_files
from grafana.model import COLUMNS, RUNBOOK
from tests.architecture.monitoring import ALERTS, KNOWN, find_metrics
from tests.harness.processes import REPOSITORY

DASHBOARDS = {path.stem: json.loads(text) for path, text in build_files().items()}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] not in {"row", "text"}
]


@pytest.mark.parametrize("path", build_files(), ids=lambda path: path.stem)
def test_a_dashboard_is_current(path):
    assert path.read_text() == build_files()[path], "run `make dashboards`"


def test_no_file_is_left_of_a_dashboard_that_is_gone():
    assert set(FOLDER.glob("*.json")) == set(build_files())


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_only_for_metrics_that_are_scraped_or_recorded(panel):
    for target in panel["targets"]:
        named = find_metrics(target["expr"])

        assert named <= KNOWN
        assert named or "__name__" in target["expr"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows(panel):
    assert panel["description"].endswith(".")


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_from_the_provisioned_source(panel):
    text = (REPOSITORY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    provisioned = {source["uid"] for source in yaml.safe_load(text)["datasources"]}

    assert {target["datasource"]["uid"] for target in panel["targets"]} <= provisioned


@pytest.mark.parametrize("panel", PANELS)
def test_a_link_of_a_panel_leads_to_the_section_of_its_alert(panel):
    sections = {each["id"]: each["title"] for each in DASHBOARDS["runbook"]["panels"]}

    for link in panel["links"]:
        number = link["url"].removeprefix(f"/d/{RUNBOOK}?viewPanel=")
        assert sections[int(number)] == link["title"].removeprefix("What to do: ")


def test_every_alert_is_linked_from_a_panel():
    panels = [panel.values[0] for panel in PANELS]
    linked = {link["title"].removeprefix("What to do: ") for panel in panels for link in panel["links"]}

    assert linked == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_no_two_panels_share_a_place_or_a_number(dashboard):
    panels = dashboard["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert all(x < COLUMNS for x, _ in cells)
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_every_variable_that_is_asked_for_can_be_chosen(dashboard):
    asked = set(re.findall(r"\$([a-z]\w*)", json.dumps(dashboard["panels"])))

    assert asked == {variable["name"] for variable in dashboard["templating"]["list"]}
