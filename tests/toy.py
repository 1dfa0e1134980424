"""A graph of three tiny steps, to test the machinery without any engine."""

from collections.abc import Callable, Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy

from ticketflow.errors import TransientError
from ticketflow.workflow.approval import Gate
from ticketflow.workflow.graph import Node
from ticketflow.workflow.plan import Plan
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import Request

ToyStep = Callable[[Any, Any], Mapping[str, Any]]

NO_TOOLS: Any = None
MAX_ATTEMPTS = 3


class ToyState(Request, total=False):
    """What the toy steps leave behind."""

    read: int
    checked: int
    sent: bool


def read(state: ToyState, tools: Any) -> dict[str, Any]:
    return {"read": state.get("read", 0) + 1}


def check(state: ToyState, tools: Any) -> dict[str, Any]:
    return {"checked": state.get("checked", 0) + 1}


def send(state: ToyState, tools: Any) -> dict[str, Any]:
    return {"sent": True}


def toy_plan(
    read: ToyStep = read,
    check: ToyStep = check,
    send: ToyStep = send,
    checks_wanted: int = 1,
    time_limit_s: float = 5,
    gate: Gate | None = None,
) -> Plan:
    """Plan read → check → send, where check leads back to read until it ran often enough, with a gate before send."""
    graph = StateGraph(ToyState, context_schema=Tools)
    for name, step in (("read", read), ("check", check), ("send", send)):
        retry = RetryPolicy(max_attempts=MAX_ATTEMPTS, retry_on=TransientError)
        metadata = {"time_limit_s": time_limit_s, "gate": gate if name == "send" else None}
        graph.add_node(name, Node(step), retry_policy=retry, metadata=metadata)
    graph.add_edge(START, "read")
    graph.add_edge("read", "check")
    graph.add_conditional_edges(
        "check",
        lambda state: "done" if state["checked"] >= checks_wanted else "again",
        {"done": "send", "again": "read"},
    )
    graph.add_edge("send", END)
    return Plan(graph.compile())


TOY_LINEAGE = toy_plan().lineage
