"""The runbook as a program reads it: sections and the commands in them that claim to be drilled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from tests.harness.processes import REPOSITORY

PAGE = REPOSITORY / "docs/runbook.md"
RULES = REPOSITORY / "deploy/prometheus/rules"
ROLES = ("confirm", "repair", "after")

_SECTION = re.compile(r"^## (?P<name>\w+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Section:
    """What the runbook says about one alert.

    Attributes:
        commands: By what they are for, which is the second word of the fence: ``sh repair``.
    """

    name: str
    text: str
    commands: Mapping[str, str]


def read_runbook() -> dict[str, Section]:
    """Return every section by its name, which is that of an alert."""
    found = _SECTION.finditer(PAGE.read_text())
    return {each["name"]: Section(each["name"], each["text"], _read_commands(each["text"])) for each in found}


def read_alerts() -> dict[str, str]:
    """Return the expression of every alert by its name."""
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"] if "alert" in rule}


def _read_commands(text: str) -> dict[str, str]:
    fences = [(fence["info"].split(), fence["code"].strip()) for fence in _FENCE.finditer(text)]
    return {info[1]: code for info, code in fences if len(info) > 1}
