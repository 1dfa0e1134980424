"""docs/runbook.md as a dashboard, so that the link of a panel leads to what to do without leaving Grafana."""

import re
from collections.abc import Mapping
from pathlib import Path

from grafana.model import COLUMNS, RUNBOOK, Dashboard, Panel, Row, number_panels

_FILE = Path(__file__).parents[1] / "docs" / "runbook.md"
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<words>[^\]]+)\]\((?!https?:)[^)]+\)")
_LINES_A_ROW = 1.6


def build_runbook() -> Dashboard:
    """Return a dashboard with a panel for each section of the runbook."""
    panels = [
        Panel(title, "", kind="text", text=text, width=COLUMNS, height=int(text.count("\n") / _LINES_A_ROW) + 4)
        for title, text in _read_sections().items()
    ]
    title = "Ticket Flow: runbook"
    return Dashboard(
        RUNBOOK, title, "docs/runbook.md. Made by `make dashboards`: change it there.", [Row(title, panels)]
    )


def number_sections() -> Mapping[str, int]:
    """Return the id of the panel of each section, by its title."""
    return number_panels(build_runbook().rows)


def _read_sections() -> dict[str, str]:
    """Return the text of each section by its title; links to files, which Grafana does not have, become their words."""
    _, *parts = _HEADING.split(_FILE.read_text())
    titles, texts = parts[::2], parts[1::2]
    return {
        title: _LINK.sub(r"\g<words>", text).strip() for title, text in zip(titles, texts, strict=True) if text.strip()
    }
