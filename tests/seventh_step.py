"""What a release with one step more and one renamed consists of: one new file, and edits of the graph."""

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

IN_THE_GRAPH = {
    "from ticketflow.workflow.steps.research": "from ticketflow.workflow.steps.measure import Measurement, measure\n"
    "from ticketflow.workflow.steps.research",
    "Final, total=False": "Final, Measurement, total=False",
    '"finalize")))': f'"finalize")),\n    GraphVersion({ORDER}, {MOVES}))',
    'add("extract", extract': 'add("gather", extract',
    'add_edge("classify", "extract")': 'add_edge("classify", "gather")',
    'add_edge("extract", "research")': 'add_edge("gather", "research")',
    '    graph.add_edge("draft", "review")': '    add("measure", measure, time_limit_s=30)\n'
    '    graph.add_edge("draft", "measure")\n'
    '    graph.add_edge("measure", "review")',
}


def change_steps(tree: Path) -> None:
    """Put a step between two others of a copy of the program, and give one another name."""
    (tree / "ticketflow/workflow/steps/measure.py").write_text(STEP.lstrip())
    graph = tree / "ticketflow/workflow/graph.py"
    text = graph.read_text()
    for old, new in IN_THE_GRAPH.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    graph.write_text(text)
