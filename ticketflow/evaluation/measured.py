"""What is shared by all that is measured: what a run was like, and the form figures come in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ticketflow.evaluation.metrics import Floats, mean
from ticketflow.evaluation.rows import Row
from ticketflow.evaluation.run import Outcome

NOT_COUNTED = float("nan")


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How outcomes are to be read.

    Attributes:
        fallback: The category for tickets that fit none.
        out_of_scope: The label that stands for ``fallback`` in the data, or ``None``.
        articles: Ids the knowledge base holds in this draw; ``None`` when it holds all that rows name.
        aliases: What we call an entity type of the data; an empty name leaves the type out.
        precision: At which precision coverage is reported, in [0, 1].
    """

    fallback: str = "other"
    out_of_scope: str | None = None
    articles: frozenset[str] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    precision: float = 0.95


@dataclass(slots=True)
class Measured:
    """Figures of one run over rows.

    Attributes:
        rowwise: Figures that are a mean over rows, as a value per row; NaN where a row does not count.
        overall: Figures of all rows together.
        pairs: What was right and what was given, for a table of confusions.
        certainty: Confidence of each prediction and whether it was right, by what is predicted.
    """

    rowwise: dict[str, Floats] = field(default_factory=dict)
    overall: dict[str, float] = field(default_factory=dict)
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    certainty: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Return every figure by its name; those that nothing counted for are left out."""
        named = {name: mean(values) for name, values in self.rowwise.items()} | self.overall
        return {name: value for name, value in named.items() if not np.isnan(value)}


@dataclass(frozen=True, slots=True)
class Section:
    """Something that can be measured.

    Attributes:
        name: What reports call it.
        steps: Names under which ``--steps`` asks for it; the last one has to have run.
        applies: Whether a row says what would be right.
        measure: Reads the outcomes of rows that apply; what it returns has a value for each of them.
    """

    name: str
    steps: tuple[str, ...]
    applies: Callable[[Row], bool]
    measure: Callable[[Sequence[Row], Sequence[Outcome], Yardstick], Measured]

    def measure_all(self, rows: Sequence[Row], outcomes: Sequence[Outcome], yardstick: Yardstick) -> Measured:
        """Measure the rows that apply; the others do not count."""
        places = [place for place, row in enumerate(rows) if self.applies(row)]
        measured = self.measure([rows[at] for at in places], [outcomes[at] for at in places], yardstick)
        for name, values in measured.rowwise.items():
            spread = np.full(len(rows), NOT_COUNTED)
            spread[places] = values
            measured.rowwise[name] = spread
        return measured


def hits(values: Sequence[bool | float | None]) -> Floats:
    """Turn a value per row into numbers; ``None`` does not count."""
    return np.array([NOT_COUNTED if value is None else float(value) for value in values], dtype=np.float64)
