"""The one definition of the steps, their order, the review loop, retries and time limits.

Everything else is derived from here: the Celery chain, the tasks, the queues and the diagram.
To add a step, write ``steps/<name>.py``, give it a line in ``STEPS``, and ``LINEAGE`` the order of steps there is then.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import new_class
from typing import TYPE_CHECKING, Any, get_type_hints

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

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import Runtime

StepFunction = Callable[[Any, Tools], Mapping[str, Any]]

# A step that failed waits at most this long for its next attempt.
LONGEST_BACKOFF_S = 300.0


@dataclass(frozen=True)
class Step:
    """A step of the graph, named after its function.

    Attributes:
        run: Pure: takes the state gathered so far, returns the keys it adds.
        keys: The ``TypedDict`` of these keys.
        time_limit_s: Seconds it may think before it loses its lease.
        gate: Who must be asked before it, if anybody.
        route: Chooses the way on; left out, the step that follows in ``STEPS`` comes next.
        ways: Where each of its answers leads: back to a step by its name, or on, ``None``.
    """

    run: StepFunction
    keys: type
    time_limit_s: float = 120
    gate: Gate | None = None
    route: Callable[[Any], str] | None = None
    ways: Mapping[str, str | None] | None = None


STEPS = (
    Step(classify, Classification),
    Step(extract, Extraction),
    Step(research, Findings),
    Step(draft, Draft),
    Step(review, Review, route=route_review, ways={"approve": None, "revise": "draft", "escalate": None}),
    # In process nobody can be asked: finalize runs at once and takes the draft as accepted.
    Step(finalize, Final, time_limit_s=30, gate=Gate(awaits_decision, rejected_to="draft")),
)
LONGEST_STEP_S = max(step.time_limit_s for step in STEPS)
# Tickets under way when the steps change go on as the newest version here says; a version that was released stays.
LINEAGE = Lineage(GraphVersion(("classify", "extract", "research", "draft", "review", "finalize")))


class Node:
    """A pure step as a LangGraph node: hands it the tools of the run."""

    def __init__(self, step: StepFunction) -> None:
        """Wrap one step function."""
        self.step = step

    def __call__(self, state: Any, runtime: "Runtime[Tools]") -> Mapping[str, Any]:
        """Run the step on the state gathered so far; return the keys it adds."""
        return self.step(state, runtime.context)


@cache
def build_graph() -> "CompiledStateGraph[Any, Tools, Any, Any]":
    """Compile the graph; ``invoke(request, context=tools)`` runs all steps in this process."""
    # Over a second of processor time and 50 MB, which a process that only names the steps need not pay.
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415
    from langgraph.types import RetryPolicy  # noqa: PLC0415

    retry = RetryPolicy(
        initial_interval=1.0,
        backoff_factor=2.0,
        max_interval=LONGEST_BACKOFF_S,
        max_attempts=5,
        retry_on=TransientError,
    )
    # Everything a ticket carries, from what was received to the final response, as LangGraph wants it named.
    schemas = (Request, Approval, *(step.keys for step in STEPS))
    keys = {name: hint for schema in schemas for name, hint in get_type_hints(schema).items()}
    state: type[Any] = new_class("TicketState", (dict,), exec_body=lambda body: body.update(__annotations__=keys))
    graph = StateGraph(state, context_schema=Tools)
    names = [step.run.__name__ for step in STEPS]
    for name, step in zip(names, STEPS, strict=True):
        about = {"time_limit_s": step.time_limit_s, "gate": step.gate}
        graph.add_node(name, Node(step.run), retry_policy=retry, metadata=about)
    graph.add_edge(START, names[0])
    for (name, following), step in zip(pairwise([*names, END]), STEPS, strict=True):
        if step.route is None:
            graph.add_edge(name, following)
        else:
            ways: dict[Hashable, str] = {answer: back or following for answer, back in (step.ways or {}).items()}
            graph.add_conditional_edges(name, step.route, ways)
    return graph.compile()
