"""Write the pages that follow from the code: ``python docs/generate.py``. A test fails when one is stale."""

import json
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ticketflow.settings import Settings
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.transitions import MOVES, TERMINAL

FOLDER = Path(__file__).parent
_HEADER = "<!-- Made by docs/generate.py; change the code, then run `make docs`. -->\n"


def build_pages() -> dict[str, str]:
    """Return every generated page by its path below ``docs/``."""
    return {
        "configuration.md": build_configuration(),
        "reference/steps-and-statuses.md": build_steps_and_statuses(),
    }


def build_configuration() -> str:
    """Describe every environment variable, in the order of the settings."""
    rows = [_describe(name, field) for name, field in Settings.model_fields.items()]
    table = "\n".join(["| variable | meaning | default | example |", "|---|---|---|---|", *rows])
    return f"""{_HEADER}
# Configuration

Every setting is an environment variable; all are optional. Unset means embedded: what `ticketflow up` runs on this
machine. A value that does not fit is refused at start, with a line that says why.

{table}
"""


def build_steps_and_statuses() -> str:
    """Draw the graph and the moves of a ticket, and list what each step may take."""
    drawn = build_graph().get_graph().draw_mermaid(with_styles=False)
    steps = [
        f"| {step.name} | `ticketflow.steps.{step.name}` | `steps.{step.name}` | {step.time_limit_s:g} s "
        f"| {step.retry.max_attempts} | {step.retry.initial_interval:g} s to {step.retry.max_interval:g} s |"
        for step in ticket_plan().steps.values()
    ]
    moves = [f"    {source} --> {target}" for source, targets in MOVES.items() for target in sorted(targets)]
    ends = [f"    {status} --> [*]" for status in sorted(TERMINAL)]
    return "\n".join(
        [
            _HEADER,
            "# Steps and statuses",
            "",
            "## The graph",
            "",
            "```mermaid",
            drawn.strip(),
            "```",
            "",
            "| step | Celery task | queue | time limit | attempts | backoff, full jitter |",
            "|---|---|---|---|---|---|",
            *steps,
            "",
            "## A ticket's statuses",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> queued",
            *moves,
            *ends,
            "```",
            "",
        ]
    )


def _describe(name: str, field: FieldInfo) -> str:
    default = "" if field.default in (None, PydanticUndefined) else f"`{_write(field.default)}`"
    if field.default_factory is not None:
        default = "`/var/lib/ticketflow` for root, else `~/.local/share/ticketflow`"
    example = f"`{field.examples[0]}`" if field.examples else ""
    return f"| `TICKETFLOW_{name.upper()}` | {field.description} | {default} | {example} |"


def _write(value: Any) -> str:
    """Write a default as the variable would have it."""
    return ",".join(sorted(value)) if isinstance(value, frozenset) else json.dumps(value).strip('"')


if __name__ == "__main__":
    for path, text in build_pages().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text)
