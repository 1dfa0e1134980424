"""Is a ticket's trail a walk through the six steps, with a reason for every turn?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ORDER = ("classify", "extract", "research", "draft", "review", "finalize")
FOLLOWING = dict(zip(ORDER, [*ORDER[1:], "the end"], strict=True))
ANYWHERE = "anywhere"
# How a trail ends with each status a ticket can end with.
ENDINGS = {"completed": "ticket.completed", "failed": "ticket.failed", "cancelled": "ticket.cancelled"}
REOPENINGS = {"ticket.retried", "ticket.rewound"}


class Event(NamedTuple):
    """A line of the trail, oldest first."""

    type: str
    step: str | None
    round: int | None
    detail: Mapping[str, Any]


class Walker:
    """Follows a trail and notes every place where it does what nothing asked for."""

    def __init__(self) -> None:
        """Stand where every ticket begins."""
        self.expected = ORDER[0]
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
        self.expected = FOLLOWING.get(step, f"nothing (there is no step {step})")

    def _revise(self, event: Event) -> None:
        target = event.type.removesuffix(".revised")
        if event.detail.get("after") != "review" or self.expected != FOLLOWING["review"]:
            self.flaws.append(f"{event.type} came where {self.expected} was next")
        self.expected = target

    def _send_back(self) -> None:
        if self.expected != FOLLOWING["review"]:
            self.flaws.append(f"a draft was rejected where {self.expected} was next")
        self.expected = "draft"

    def _end(self, ending: str) -> None:
        if self.ending:
            self.flaws.append(f"{ending} after {self.ending}")
        if ending == "ticket.completed" and self.expected != "the end":
            self.flaws.append(f"{ending} where {self.expected} was next")
        self.ending = ending


def walk(trail: Sequence[Event], status: str) -> list[str]:
    """Follow a trail to its end; return what is wrong with it."""
    walker = Walker()
    for event in trail:
        walker.follow(event)
    received = sum(event.type == "ticket.received" for event in trail)
    if received != 1:
        walker.flaws.append(f"ticket.received {received} times")
    if walker.ending != ENDINGS.get(status):
        walker.flaws.append(f"the ticket is {status}, its trail ends with {walker.ending}")
    return walker.flaws
