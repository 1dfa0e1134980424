"""Delete what is older than it need be, a batch at a time, so that nobody waits for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.storage.retention import (
    count_answers,
    count_ended,
    count_keys,
    delete_answers,
    delete_ended,
    delete_keys,
)
from ticketflow.storage.session import Sessions

# A ticket has about 25 rows in all: some 12,000 a transaction, well within the statement timeout.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept.

    Attributes:
        tickets: Ended tickets, from their end on.
        keys: Idempotency keys, from their first use on.
        answers: Kept answers of chat models.
        with_learned: Whether tickets that the engine learns from are deleted as well.
    """

    tickets: timedelta
    keys: timedelta
    answers: timedelta
    with_learned: bool = False


class Pruned(NamedTuple):
    """How much was deleted, or would be."""

    tickets: int
    idempotency_keys: int
    kept_answers: int


def count_prunable(sessions: Sessions, retention: Retention) -> Pruned:
    """Count what ``prune`` would delete now."""
    now = datetime.now(UTC)
    with sessions() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))  # counting millions takes a while, and holds nobody up
        return Pruned(
            count_ended(session, now - retention.tickets, with_learned=retention.with_learned),
            count_keys(session, now - retention.keys),
            count_answers(session, now - retention.answers),
        )


def prune(sessions: Sessions, retention: Retention, tell: Callable[[int], None]) -> Pruned:
    """Delete what is too old, each batch in a transaction of its own; interrupted and run again, it does the rest.

    Args:
        tell: Is told how many rows a batch deleted.
    """
    now = datetime.now(UTC)
    last = UUID(int=0)

    def delete_tickets(session: Session) -> int:
        nonlocal last
        ids = delete_ended(session, now - retention.tickets, last, BATCH, with_learned=retention.with_learned)
        last = ids[-1] if ids else last
        return len(ids)

    def delete_all(delete_batch: Callable[[Session], int]) -> int:
        deleted = 0
        while True:
            with sessions.begin() as session:
                batch = delete_batch(session)
            tell(batch)
            deleted += batch
            if batch < BATCH:
                return deleted

    # Keys and answers first: they hang on tickets.
    keys = delete_all(lambda session: delete_keys(session, now - retention.keys, BATCH))
    answers = delete_all(lambda session: delete_answers(session, now - retention.answers, BATCH))
    return Pruned(delete_all(delete_tickets), keys, answers)
