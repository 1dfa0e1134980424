"""The one definition of the steps, their order, the review loop, retries and time limits.

Everything else is derived from here: the Celery chain, the tasks, the queues and the diagram.
To add a step, write ``steps/<name>.py``, add its keys, its node and its edge below, and the new
order of steps to ``LINEAGE``.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import RetryPolicy

from ticketflow.errors import TransientError
from ticketflow.workflow.approval import Approval, Gate, awaits_decision
from ticketflow.workflow.lineage import GraphVersion, Lineage
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Request
from ticketflow.workflow.steps.classify import Classification, classify
from ticketflow.workflow.steps.draft import Draft, draft
from ticketflow.workflow.steps.extract import Extraction, extract
from ticketflow.workflow.steps.finalize import Final, finalize
from ticketflow.workflow.steps.research import Findings, research
from ticketflow.workflow.steps.review import Review, review, route_review

Step = Callable[[Any, Tools], Mapping[str, Any]]
TicketGraph = CompiledStateGraph[Any, Tools, Any, Any]

RETRY = RetryPolicy(
    initial_interval=1.0, backoff_factor=2.0, max_interval=300.0, max_attempts=5, retry_on=TransientError
)


# Tickets under way when the steps change go on as the newest version here says; a version that was released stays.
LINEAGE = Lineage(GraphVersion(("classify", "extract", "research", "draft", "review", "finalize")))


class TicketState(Request, Classification, Extraction, Findings, Draft, Review, Approval, Final, total=False):
    """Everything a ticket carries, from what was received to the final response."""


class Node:
    """A pure step as a LangGraph node: hands it the tools of the run."""

    def __init__(self, step: Step) -> None:
        """Wrap one step function."""
        self.step = step

    def __call__(self, state: TicketState, runtime: Runtime[Tools]) -> Mapping[str, Any]:
        """Run the step on the state gathered so far; return the keys it adds."""
        return self.step(state, runtime.context)


@cache
def build_graph() -> TicketGraph:
    """Compile the graph; ``invoke(request, context=tools)`` runs all steps in this process."""
    graph = StateGraph(TicketState, context_schema=Tools)

    def add(name: str, step: Step, time_limit_s: float, gate: Gate | None = None) -> None:
        graph.add_node(name, Node(step), retry_policy=RETRY, metadata={"time_limit_s": time_limit_s, "gate": gate})

    add("classify", classify, time_limit_s=120)
    add("extract", extract, time_limit_s=120)
    add("research", research, time_limit_s=120)
    add("draft", draft, time_limit_s=120)
    add("review", review, time_limit_s=120)
    # In process nobody can be asked: finalize runs at once and takes the draft as accepted.
    add("finalize", finalize, time_limit_s=30, gate=Gate(awaits_decision, rejected_to="draft"))

    graph.add_edge(START, "classify")
    graph.add_edge("classify", "extract")
    graph.add_edge("extract", "research")
    graph.add_edge("research", "draft")
    graph.add_edge("draft", "review")
    graph.add_conditional_edges(
        "review", route_review, {"approve": "finalize", "revise": "draft", "escalate": "finalize"}
    )
    graph.add_edge("finalize", END)
    return graph.compile()
