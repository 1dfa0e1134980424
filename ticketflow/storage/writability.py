"""Tries whether a ticket could be stored, by storing one and taking it back."""

from sqlalchemy import text

from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, build_ticket
from ticketflow.workflow.state import DEFAULT_TENANT

LOCK_TIMEOUT_MS = 500
STATEMENT_TIMEOUT_MS = 2000
# Several a page: rows that fit into what is left of one would hide for long that the disk is full.
_BODY = "Can a ticket be stored? " * 64
_TABLES = "tickets, ticket_events, ticket_search, idempotency_keys"


def check_writable(sessions: Sessions) -> None:
    """Store a ticket as `POST /tickets` does, and roll it back; nobody sees it.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: It could not be stored: read-only, no room, a lock.
    """
    with sessions() as session:
        session.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        session.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        session.execute(text(f"LOCK TABLE {_TABLES} IN ROW EXCLUSIVE MODE"))
        ticket = build_ticket(DEFAULT_TENANT, NewTicket("Probe", _BODY), "classify")
        session.add(ticket)
        session.flush()
        session.rollback()
