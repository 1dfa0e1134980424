"""The ledger of steps: read, supersede, copy. New rows are written by ``commits.commit_step`` alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, inspect, select, update
from sqlalchemy.orm import Session

from ticketflow.storage.models import TicketStep
from ticketflow.storage.tickets import keep_request


def list_steps(session: Session, ticket_id: UUID) -> Sequence[TicketStep]:
    """List a ticket's finished steps in the order they finished, superseded ones included."""
    query = select(TicketStep).where(TicketStep.ticket_id == ticket_id)
    return session.scalars(query.order_by(TicketStep.ticket_version)).all()


def list_steps_that_count(session: Session, ticket_id: UUID) -> Sequence[TicketStep]:
    """List the finished steps that made the ticket's present state, in the order they finished."""
    return [step for step in list_steps(session, ticket_id) if step.superseded_at is None]


def split_ledger(steps: Sequence[TicketStep], step: str) -> tuple[Sequence[TicketStep], Sequence[TicketStep]]:
    """Split steps that count into those before the first ``step`` and the rest, which is empty if it never ran."""
    for place, finished in enumerate(steps):
        if finished.step == step:
            return steps[:place], steps[place:]
    return steps, ()


def replay_state(known: Mapping[str, Any], kept: Iterable[TicketStep], undone: Iterable[TicketStep]) -> dict[str, Any]:
    """Build what a ticket knows after some of its steps from what each of them added.

    What people corrected of it stays corrected; what they decided about a draft is forgotten.

    Args:
        known: The ticket's state now.
        kept: The steps that count on.
        undone: The steps after them.
    """
    state: dict[str, Any] = {**keep_request(known)}
    for step in kept:
        state.update(step.output)
    overwritten = {key for step in undone for key in step.output}
    return {key: value if key in overwritten else known.get(key, value) for key, value in state.items()}


def supersede_steps(session: Session, ticket_id: UUID, since_version: int) -> None:
    """Mark what finished at a ticket version or later as no longer counting; nothing is deleted."""
    session.execute(
        update(TicketStep)
        .where(
            TicketStep.ticket_id == ticket_id,
            TicketStep.ticket_version >= since_version,
            TicketStep.superseded_at.is_(None),
        )
        .values(superseded_at=func.now())
    )


def copy_steps(session: Session, ticket_id: UUID, steps: Sequence[TicketStep]) -> None:
    """Give a new ticket another one's finished steps, numbered from version 1 and round 1."""
    rounds: dict[str, int] = {}
    for version, step in enumerate(steps, start=1):
        rounds[step.step] = rounds.get(step.step, 0) + 1
        changed = {"ticket_id": ticket_id, "ticket_version": version, "round": rounds[step.step], "generation": 0}
        columns = {attribute.key: getattr(step, attribute.key) for attribute in inspect(TicketStep).column_attrs}
        session.execute(insert(TicketStep).values(columns | changed))
