"""The map of the core in docs/explanation/architecture.md is true, and short enough for an afternoon."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ticketflow
from tests.harness.processes import REPOSITORY
from ticketflow.workflow.events import EventType
from ticketflow.workflow.plan import ticket_plan

PACKAGE = Path(ticketflow.__file__).parent
PAGE = (REPOSITORY / "docs/explanation/architecture.md").read_text()
CORE = PAGE.split("## The core, in reading order")[1].split("\n## ")[0]
FILES = re.findall(r"^\| `([a-z_/]+\.py)` \|", CORE, re.MULTILINE)
MOST_FILES = 36
MOST_LINES = 5000


def test_the_core_can_be_read_in_an_afternoon():
    lines = {file: len((PACKAGE / file).read_text().splitlines()) for file in FILES}

    assert len(lines) == len(FILES) <= MOST_FILES
    assert sum(lines.values()) <= MOST_LINES


def test_the_core_has_every_step():
    assert {f"workflow/steps/{step}.py" for step in ticket_plan().order} <= set(FILES)


def test_the_page_names_every_thread():
    threads = re.findall(r"^\| `([a-z-]+)` \|", CORE.split("### Threads")[1], re.MULTILINE)

    assert sorted(threads) == sorted(set(list_threads()))


def test_the_page_names_every_type_of_event():
    listed = CORE.split("### Events")[1]

    assert {name for name in re.findall(r"`([a-z_.]+)`", listed) if "/" not in name} == set(EventType)


def list_threads() -> Iterator[str]:
    """Name every thread that is started by a name, and every loop (``tasks/loop.py``)."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from name_thread(ast.unparse(node.func), node)


def name_thread(called: str, node: ast.Call) -> Iterator[str]:
    named = [each.value for each in node.keywords if each.arg == "name" and called == "threading.Thread"]
    if called == "super().__init__" and len(node.args) == 1:
        named += node.args
    for each in named:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
