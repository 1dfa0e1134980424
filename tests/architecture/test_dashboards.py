import json
import re
from typing import Any

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


@pytest.mark.parametrize("name", [name for name in DASHBOARDS if name != "runbook"])
def test_everything_on_a_dashboard_reads_from_the_data_source_that_is_chosen(name):
    dashboard = DASHBOARDS[name]
    (variable,) = (each for each in dashboard["templating"]["list"] if each["type"] == "datasource")

    assert variable["query"] == "prometheus"
    assert variable["current"]["value"] == "default", "whatever its uid"
    assert dashboard["templating"]["list"][0] is variable, "the other variables ask it"
    assert list_sources(dashboard) == [{"type": "prometheus", "uid": f"${{{variable['name']}}}"}]


def test_a_dashboard_without_queries_needs_no_data_source():
    assert DASHBOARDS["runbook"]["templating"]["list"] == []
    assert list_sources(DASHBOARDS["runbook"]) == []


def test_the_data_source_that_comes_with_compose_is_the_one_a_dashboard_begins_with():
    text = (REPOSITORY / "grafana/provisioning/datasources/prometheus.yml").read_text()

    assert [(each["type"], each["isDefault"]) for each in yaml.safe_load(text)["datasources"]] == [("prometheus", True)]


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
    asked = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(dashboard["panels"])))

    assert asked == {variable["name"] for variable in dashboard["templating"]["list"]}


def list_sources(part: Any) -> list[Any]:
    """Return the different data sources named anywhere in a part of a dashboard."""
    match part:
        case dict():
            inside = [source for key, value in part.items() if key != "datasource" for source in list_sources(value)]
            found = [part["datasource"], *inside] if "datasource" in part else inside
        case list():
            found = [source for each in part for source in list_sources(each)]
        case _:
            found = []
    return [source for number, source in enumerate(found) if source not in found[:number]]
