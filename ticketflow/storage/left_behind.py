"""Live tickets at a step that no graph of this version has: it leaves them to a version that knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ticketflow.storage.due import TARGET
from ticketflow.storage.statistics import MOST
from ticketflow.workflow.lineage import Lineage


@dataclass(frozen=True, slots=True)
class Place:
    """Where tickets stand."""

    graph_version: int
    step: str
    count: int


_IS_LEFT_BEHIND = f"wake_at IS NOT NULL AND {TARGET} IS NULL"
_TARGETS = bindparam("targets", type_=JSONB)

_LIST = text(f"SELECT id FROM tickets WHERE {_IS_LEFT_BEHIND} ORDER BY id").bindparams(_TARGETS)

_COUNT = text(f"""
    SELECT graph_version, next_step, count(*)
    FROM (SELECT graph_version, next_step FROM tickets WHERE {_IS_LEFT_BEHIND} LIMIT :most) AS left_behind
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
""").bindparams(_TARGETS)


def list_left_behind(session: Session, lineage: Lineage) -> Sequence[UUID]:
    """List the tickets of every tenant that this lineage does not know, oldest first."""
    return session.scalars(_LIST, {"targets": lineage.targets}).all()


def count_left_behind(session: Session, lineage: Lineage) -> list[Place]:
    """Count them by where they stand, most of them first."""
    values = {"targets": lineage.targets, "most": MOST}
    return [Place(*row) for row in session.execute(_COUNT, values)]
