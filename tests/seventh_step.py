"""What a release with one step more and one renamed consists of: a new file, and a line each in two tables."""

from collections.abc import Mapping
from pathlib import Path

ORDER = ("classify", "gather", "research", "draft", "measure", "review", "finalize")
MOVES = {"extract": "gather", "review": "measure"}
STEP = '''
"""Step 5: how many words would the customer read?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.steps.draft import Draft


class Measurement(TypedDict):
    """Keys added by ``measure``."""

    words: int


def measure(state: Draft, tools: Tools) -> Measurement:
    """Count the words of the draft."""
    return {"words": len(state["draft"].split())}
'''

ADDED = {
    "from ticketflow.workflow.steps.research": "from ticketflow.workflow.steps.measure import Measurement, measure\n"
    "from ticketflow.workflow.steps.research",
    "    Step(review, Review": "    Step(measure, Measurement, time_limit_s=30),\n    Step(review, Review",
    '"finalize")))': f'"finalize")),\n    GraphVersion({ORDER}, {MOVES}))',
}
RENAMED = {"import Extraction, extract": "import Extraction, gather", "Step(extract,": "Step(gather,"}


def change_steps(tree: Path) -> None:
    """Put a step between two others of a copy of the program, and give one another name."""
    steps = tree / "ticketflow/workflow/steps"
    (steps / "measure.py").write_text(STEP.lstrip())
    edit(tree / "ticketflow/workflow/graph.py", ADDED | RENAMED)
    edit(steps / "extract.py", {"def extract(": "def gather("})


def edit(path: Path, changes: Mapping[str, str]) -> None:
    """Replace texts that stand in a file once each."""
    text = path.read_text()
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)
