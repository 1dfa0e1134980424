"""What a release with one more step consists of: one new file, four edits of the graph."""

from pathlib import Path

STEP = '''
"""Step 7: how many words does the customer read?"""

from typing import TypedDict

from ticketflow.workflow.ports import Tools
from ticketflow.workflow.steps.finalize import Final


class Measurement(TypedDict):
    """Keys added by ``measure``."""

    words: int


def measure(state: Final, tools: Tools) -> Measurement:
    """Count the words of the final response."""
    return {"words": len(state["final_response"].split())}
'''

IN_THE_GRAPH = {
    "from ticketflow.workflow.steps.research": "from ticketflow.workflow.steps.measure import Measurement, measure\n"
    "from ticketflow.workflow.steps.research",
    "Final, total=False": "Final, Measurement, total=False",
    '"finalize")))': '"finalize")),\n'
    '    GraphVersion(("classify", "extract", "research", "draft", "review", "finalize", "measure")))',
    '    graph.add_edge("finalize", END)': '    add("measure", measure, time_limit_s=30)\n'
    '    graph.add_edge("finalize", "measure")\n'
    '    graph.add_edge("measure", END)',
}


def add_seventh_step(tree: Path) -> None:
    """Add a step after the last one to a copy of the program."""
    (tree / "ticketflow/workflow/steps/measure.py").write_text(STEP.lstrip())
    graph = tree / "ticketflow/workflow/graph.py"
    text = graph.read_text()
    for old, new in IN_THE_GRAPH.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    graph.write_text(text)
