"""What is not to be started: a step, or every step, for one tenant or for all."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT, Pause

IS_PAUSED = f"""EXISTS (
    SELECT FROM pauses
    WHERE pauses.tenant IN ('{EVERY_TENANT}', tickets.tenant) AND pauses.step IN ('{EVERY_STEP}', tickets.next_step)
)"""
"""A condition on ``tickets`` for the statements that start work."""


def record_pause(session: Session, tenant: str, step: str, reason: str | None) -> Pause:
    """Keep a step from starting, from now on; pausing it again replaces the reason."""
    values = {"tenant": tenant, "step": step, "reason": reason}
    statement = insert(Pause).values(values)
    statement = statement.on_conflict_do_update(index_elements=["tenant", "step"], set_={"reason": reason})
    return session.scalars(statement.returning(Pause)).one()


def remove_pause(session: Session, tenant: str, step: str) -> bool:
    """Let a step start again.

    Returns:
        Whether it was paused.
    """
    statement = delete(Pause).where(Pause.tenant == tenant, Pause.step == step).returning(Pause.step)
    return session.scalar(statement) is not None


def list_pauses(session: Session, tenant: str | None = None) -> Sequence[Pause]:
    """List pauses, oldest first; for one tenant, those that concern it."""
    query = select(Pause).order_by(Pause.created_at, Pause.tenant, Pause.step)
    if tenant is not None:
        query = query.where(Pause.tenant.in_([EVERY_TENANT, tenant]))
    return session.scalars(query).all()
