"""Stored answers to requests that may be repeated."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ticketflow.errors import IdempotencyConflictError
from ticketflow.storage.models import IdempotencyKey

# A first request commits within milliseconds; one that takes longer than this is better told of
# than waited for.
LOCK_TIMEOUT_MS = 2000
# Tickets for the foreign key. What is waited for after these is the first request, and nothing else.
_TAKE_TABLES = "LOCK TABLE tickets, idempotency_keys IN ROW EXCLUSIVE MODE"


@dataclass(frozen=True, slots=True)
class RepeatableRequest:
    """A request its caller may repeat.

    Attributes:
        caller: Who sent it; keys of different callers never meet.
        key: The ``Idempotency-Key`` header.
        sha256: Digest of the payload.
    """

    caller: str
    key: str
    sha256: bytes


def reserve_key(session: Session, tenant: str, request: RepeatableRequest) -> IdempotencyKey | None:
    """Reserve the key for this transaction, or return what an earlier request stored under it.

    A request that comes while the first one's transaction is open waits for its outcome.

    Raises:
        IdempotencyConflictError: The first request took too long; the caller repeats shortly.
        OperationalError: Somebody else holds a whole table, a migration perhaps.
    """
    session.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {_TAKE_TABLES}"))
    row = {"tenant": tenant, "caller": request.caller, "key": request.key}
    reserve = insert(IdempotencyKey).values(**row, request_sha256=request.sha256).on_conflict_do_nothing()
    try:
        reserved = session.execute(reserve.returning(IdempotencyKey.key)).one_or_none()
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise IdempotencyConflictError("the first request with this Idempotency-Key is still running") from error
        raise
    if reserved is not None:
        return None
    return session.get_one(IdempotencyKey, (tenant, request.caller, request.key))


def store_answer(
    session: Session, tenant: str, request: RepeatableRequest, ticket_id: UUID, response: dict[str, Any]
) -> None:
    """Keep the answer that a repeated request gets back, word for word."""
    session.execute(
        update(IdempotencyKey)
        .where(
            IdempotencyKey.tenant == tenant, IdempotencyKey.caller == request.caller, IdempotencyKey.key == request.key
        )
        .values(ticket_id=ticket_id, response=response)
    )
