"""The graphs there have been, and where tickets of an older one go on in today's.

A ticket carries the version of the graph it is on. Processes of two releases share one database while one replaces the
other: each leaves tickets of a newer graph alone, and takes those of an older one over by the rules written down here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ticketflow.errors import UnplannableGraphError

FIRST_VERSION = 1


@dataclass(frozen=True)
class GraphVersion:
    """The steps a graph had.

    Attributes:
        steps: Their names, in order.
        moves: Steps of the version before, each with the step of this one at which its tickets go on. A step that kept
            its name needs none, unless its tickets must first do something that is new.
    """

    steps: tuple[str, ...]
    moves: Mapping[str, str] = field(default_factory=dict)


class Lineage:
    """Every version of a graph, the last of them today's.

    Attributes:
        version: Today's number.
        steps: Today's steps, in order.
        targets: For each version and each of its steps, in order, the step of today's graph at which tickets go on.
    """

    def __init__(self, *versions: GraphVersion) -> None:
        """Take the versions, oldest first.

        Raises:
            UnplannableGraphError: A rule is missing or names a step that was not there.
        """
        for number, (older, newer) in enumerate(pairwise(versions), start=FIRST_VERSION + 1):
            for step in older.steps:
                if step not in newer.steps and step not in newer.moves:
                    raise UnplannableGraphError(
                        f"graph version {number} has no step {step!r}: say in its moves where to go on"
                    )
            for step, target in newer.moves.items():
                if step not in older.steps or target not in newer.steps:
                    raise UnplannableGraphError(
                        f"graph version {number}: {step!r} moves to {target!r}: one of them is unknown"
                    )
        self.version = FIRST_VERSION + len(versions) - 1
        self.steps = versions[-1].steps
        self.targets = {
            number: {step: _follow(step, versions[number - FIRST_VERSION + 1 :]) for step in version.steps}
            for number, version in enumerate(versions, start=FIRST_VERSION)
        }

    def remaining(self, step: str) -> tuple[str, ...]:
        """List today's steps from ``step`` to the end, itself included."""
        return self.steps[self.steps.index(step) :]

    def knows(self, version: int, step: str | None) -> bool:
        """Tell whether a ticket on that version's graph that stands at ``step``, or at its end, can go on."""
        return version in self.targets and (step is None or step in self.targets[version])


def _follow(step: str, versions: tuple[GraphVersion, ...]) -> str:
    for version in versions:
        step = version.moves.get(step, step)
    return step
