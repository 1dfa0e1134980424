"""The documentation follows from the code, is complete, and its links lead somewhere."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY
from ticketflow.settings import Settings

DOCS = REPOSITORY / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
PAGES = GENERATE["build_pages"]()
VARIABLES = GENERATE["list_variables"]()
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"(?<![_A-Z])TICKETFLOW_[A-Z0-9_]*[A-Z0-9]\b")


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_current(path):
    assert (DOCS / path).read_text() == PAGES[path], "run `make docs`"


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_setting_is_documented_in_full(variable):
    assert variable.meaning.endswith("."), "description: whole sentences"
    assert variable.type
    assert variable.example, "examples: give one where there is no default"
    assert re.fullmatch(r"\d+\.\d+\.\d+", variable.since)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_the_example_of_a_setting_is_accepted(variable, monkeypatch):
    monkeypatch.setenv(variable.name, variable.example)

    assert Settings()


def test_pages_name_only_variables_that_exist():
    known = {variable.name for variable in VARIABLES}

    named = {(page.name, name) for page in list_pages() for name in VARIABLE.findall(page.read_text())}

    assert {(page, name) for page, name in named if name not in known} == set()


@pytest.mark.timeout(600)  # half a minute, or minutes on a machine that others use
def test_the_site_builds_without_a_warning(tmp_path):
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]

    done = subprocess.run([*sphinx, DOCS, tmp_path], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", OUTSIDE)
def test_a_page_outside_the_site_links_to_what_there_is(page):
    links = [link for link in LINK.findall((REPOSITORY / page).read_text()) if not link.startswith("http")]

    assert [link for link in links if not leads_somewhere(REPOSITORY / page, link)] == []


def list_pages() -> list[Path]:
    """List every page that people read."""
    return [*DOCS.rglob("*.md"), *(REPOSITORY / page for page in OUTSIDE)]


def leads_somewhere(page: Path, link: str) -> bool:
    """Tell whether the file exists, and has the heading if the link names one."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in list_anchors(target))


def list_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
