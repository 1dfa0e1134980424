"""Derives the chain from the compiled graph: which step follows which, and what may loop back.

A graph can be planned when one straight line visits every node from START to END, every
conditional edge either follows that line or leads back along it, and no state key needs a reducer
(storage merges state key by key, so a reducer would make the two ways to run differ).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from langgraph.channels import LastValue
from langgraph.graph import END, START
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import RetryPolicy

from ticketflow.errors import UnplannableGraphError
from ticketflow.workflow.approval import ApprovalRequest, Gate
from ticketflow.workflow.graph import LINEAGE, build_graph
from ticketflow.workflow.lineage import GraphVersion, Lineage
from ticketflow.workflow.ports import Tools


@dataclass(frozen=True)
class PlannedStep:
    """One step as the worker needs it.

    Attributes:
        name: The node's name; also names its task and queue.
        retry: Attempts, backoff and which errors are worth another attempt.
        time_limit_s: Seconds a step may think before it loses its lease.
        gate: Who must be asked before it, if anybody.
    """

    name: str
    retry: RetryPolicy
    time_limit_s: float
    gate: Gate | None = None


class Plan:
    """The order of steps of one compiled graph, and how to run and leave each of them.

    Attributes:
        lineage: The versions of the graph; the last one has its steps.
    """

    def __init__(self, graph: CompiledStateGraph[Any, Tools, Any, Any], lineage: Lineage | None = None) -> None:
        """Plan a graph; without a lineage it is its own first version.

        Raises:
            UnplannableGraphError: The graph forks, skips ahead, strands a node or needs a
                reducer, or its steps are not those of its newest version; the message names the
                node or key to change.
        """
        self._builder = graph.builder
        for key, channel in self._builder.channels.items():
            if not isinstance(channel, LastValue):
                raise UnplannableGraphError(f"state key {key!r} has a reducer; a step must return its whole new value")
        self.order = self._straight_line()
        self.steps: dict[str, PlannedStep] = {}
        for name in self.order:
            node = self._builder.nodes[name]
            about = node.metadata or {}
            if not isinstance(node.retry_policy, RetryPolicy):
                raise UnplannableGraphError(f"step {name!r} needs exactly one retry policy")
            try:
                time_limit_s = float(about["time_limit_s"])
            except (KeyError, TypeError, ValueError):
                raise UnplannableGraphError(f"step {name!r} needs metadata time_limit_s, in seconds") from None
            self.steps[name] = PlannedStep(name, node.retry_policy, time_limit_s, about.get("gate"))
        self.lineage = lineage or Lineage(GraphVersion(self.order))
        if self.lineage.steps != self.order:
            raise UnplannableGraphError(
                f"the steps are {', '.join(self.order)}, and those of graph version {self.lineage.version}"
                f" {', '.join(self.lineage.steps)}: add a version to LINEAGE that has the new ones"
            )

    def is_before(self, step: str, other: str) -> bool:
        """Tell whether ``step`` comes earlier on the line than ``other``."""
        return self._place[step] < self._place[other]

    def run(self, step: str, state: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
        """Run one step as the graph would and return the keys it adds."""
        node: Any = self._builder.nodes[step].runnable
        patch: Mapping[str, Any] = node.func(dict(state), Runtime(context=tools))
        return patch

    def next_step(self, step: str, state: Mapping[str, Any]) -> str | None:
        """Name the step to run after ``step`` left ``state`` behind; ``None`` at the end."""
        for branch in self._builder.branches.get(step, {}).values():
            choice = branch.path.invoke(dict(state))
            following = (branch.ends or {})[str(choice)]
            return None if following == END else following
        place = self._place[step] + 1
        return self.order[place] if place < len(self.order) else None

    def find_request(self, step: str, state: Mapping[str, Any], tools: Tools) -> ApprovalRequest | None:
        """Write down what a person must decide before ``step`` may run on ``state``; ``None`` if nothing."""
        gate = self.steps[step].gate
        return gate.ask(state, tools.approval) if gate is not None and gate.is_shut(state) else None

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.order)}

    def _ways_out(self, node: str) -> set[str]:
        """Name every node an edge from ``node`` may lead to."""
        ways = {target for source, target in self._builder.edges if source == node}
        branches = self._builder.branches.get(node, {})
        if len(branches) + bool(ways) > 1:
            raise UnplannableGraphError(f"step {node!r} has several ways out at once; a chain follows one")
        for branch in branches.values():
            if branch.ends is None:
                raise UnplannableGraphError(f"the conditional edge after {node!r} must list its ends in a mapping")
            ways |= set(branch.ends.values())
        return ways

    def _straight_line(self) -> tuple[str, ...]:
        if self._builder.branches.get(START):
            raise UnplannableGraphError("the graph must start with a plain edge, not a conditional one")
        line = [START]
        while line[-1] != END:
            onward = self._ways_out(line[-1]) - set(line)
            if not onward:
                raise UnplannableGraphError(f"nothing new follows step {line[-1]!r}; a chain must reach the end")
            if len(onward) > 1:
                names = ", ".join(sorted(onward))
                raise UnplannableGraphError(f"step {line[-1]!r} forks to {names}; a chain follows one way")
            line.extend(onward)
        stranded = set(self._builder.nodes) - set(line)
        if stranded:
            raise UnplannableGraphError(f"no edge leads to {', '.join(sorted(stranded))}")
        return tuple(line[1:-1])


@cache
def ticket_plan() -> Plan:
    """Plan our own graph, once per process."""
    return Plan(build_graph(), LINEAGE)
