"""All dashboards and the files they are in."""

from pathlib import Path

from grafana.model import build_json
from grafana.platform import PLATFORM
from grafana.runbook import build_runbook, number_sections
from grafana.ticket_flow import TICKET_FLOW

FOLDER = Path(__file__).parent / "dashboards"


def build_files() -> dict[Path, str]:
    """Return the text of each file by its path."""
    sections = number_sections()
    dashboards = {"ticket-flow": TICKET_FLOW, "platform": PLATFORM, "runbook": build_runbook()}
    return {FOLDER / f"{name}.json": build_json(dashboard, sections) for name, dashboard in dashboards.items()}
