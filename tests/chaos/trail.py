"""Is a ticket's trail a walk through the steps of its graph, with a reason for every turn?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

ORDER = ("classify", "extract", "research", "draft", "review", "finalize")
ANYWHERE = "anywhere"
# How a trail ends with each status a ticket can end with.
ENDINGS = {"completed": "ticket.completed", "failed": "ticket.failed", "cancelled": "ticket.cancelled"}
REOPENINGS = {"ticket.retried", "ticket.rewound"}


class Graph(NamedTuple):
    """The steps of a version of the graph.

    Attributes:
        moves: Where tickets of the version before go on, by the step they stand at; left out, at that one.
    """

    order: Sequence[str]
    moves: Mapping[str, str] = MappingProxyType({})

    def follow(self, step: str) -> str:
        """Name what comes after a step."""
        following = dict(zip(self.order, [*self.order[1:], "the end"], strict=True))
        return following.get(step, f"nothing (there is no step {step})")


FIRST_GRAPH = Graph(ORDER)


class Event(NamedTuple):
    """A line of the trail, oldest first."""

    type: str
    step: str | None
    round: int | None
    detail: Mapping[str, Any]


class Walker:
    """Follows a trail and notes every place where it does what nothing asked for."""

    def __init__(self, graphs: Sequence[Graph], version: int) -> None:
        """Stand where every ticket begins."""
        self._graphs = graphs
        self._graph = graphs[version - 1]
        self.expected = self._graph.order[0]
        self.rounds: Counter[str] = Counter()
        self.ending: str | None = None
        self.flaws: list[str] = []

    def follow(self, event: Event) -> None:
        """Take one line."""
        if event.type == "step.completed" and event.step:
            self._complete(event.step, event.round)
        elif event.type.endswith(".revised"):
            self._revise(event)
        elif event.type == "approval.given" and event.detail.get("action") == "reject":
            self._send_back()
        elif event.type == "ticket.graph_changed":
            self._change_over(event)
        elif event.type in REOPENINGS:
            self.ending = None
            if event.type == "ticket.rewound":
                self.expected = ANYWHERE
        elif event.type in ENDINGS.values():
            self._end(event.type)

    def _complete(self, step: str, number: int | None) -> None:
        if self.ending:
            self.flaws.append(f"{step}#{number} took effect after {self.ending}")
        if self.expected not in {step, ANYWHERE}:
            self.flaws.append(f"{step}#{number} took effect where {self.expected} was next")
        self.rounds[step] += 1
        if number != self.rounds[step]:
            self.flaws.append(f"{step}#{number} took effect where round {self.rounds[step]} was next")
        self.expected = self._graph.follow(step)

    def _change_over(self, event: Event) -> None:
        stood = event.detail["from_step"]
        if self.expected not in {stood, ANYWHERE}:
            self.flaws.append(f"changed over from {stood} where {self.expected} was next")
        self._graph = self._graphs[event.detail["to_version"] - 1]
        self.expected = self._graph.moves.get(stood, stood)
        if event.step != self.expected:
            self.flaws.append(f"changed over to {event.step} where {self.expected} was next")

    def _revise(self, event: Event) -> None:
        target = event.type.removesuffix(".revised")
        if event.detail.get("after") != "review" or self.expected != self._graph.follow("review"):
            self.flaws.append(f"{event.type} came where {self.expected} was next")
        self.expected = target

    def _send_back(self) -> None:
        if self.expected != self._graph.follow("review"):
            self.flaws.append(f"a draft was rejected where {self.expected} was next")
        self.expected = "draft"

    def _end(self, ending: str) -> None:
        if self.ending:
            self.flaws.append(f"{ending} after {self.ending}")
        if ending == "ticket.completed" and self.expected != "the end":
            self.flaws.append(f"{ending} where {self.expected} was next")
        self.ending = ending


def walk(trail: Sequence[Event], status: str, graphs: Sequence[Graph] = (FIRST_GRAPH,), version: int = 1) -> list[str]:
    """Follow a trail to its end; return what is wrong with it.

    Args:
        version: Of the graph the ticket is on at last.
    """
    changes = [event.detail["from_version"] for event in trail if event.type == "ticket.graph_changed"]
    walker = Walker(graphs, [*changes, version][0])
    for event in trail:
        walker.follow(event)
    received = sum(event.type == "ticket.received" for event in trail)
    if received != 1:
        walker.flaws.append(f"ticket.received {received} times")
    if walker.ending != ENDINGS.get(status):
        walker.flaws.append(f"the ticket is {status}, its trail ends with {walker.ending}")
    return walker.flaws
