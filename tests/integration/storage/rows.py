"""Rows for tests of single statements, made behind the product's back; values may be SQL, such as ``NOW - HOUR``."""

from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import func, insert, update
from sqlalchemy.orm import Session

from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Article, Base, Ticket, TicketEvent, TicketStep
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.workflow.transitions import TERMINAL

NOW = func.now()
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Row = TypeVar("Row", bound=Base)
TENANTS = ("default", "other")


def add(session: Session, model: type[Row], /, **values: Any) -> Row:
    """Insert a row and read it back."""
    return session.scalars(insert(model).values(**values).returning(model)).one()


def reread(session: Session, row: Row) -> Row:
    """Read a row as it stands in the database."""
    session.refresh(row)
    return row


def change(session: Session, row: Base, **values: Any) -> None:
    """Change a row behind the session's back, and read it again."""
    session.execute(update(type(row)).where(type(row).id == row.id).values(**values))
    session.refresh(row)


def add_ticket(session: Session, **values: Any) -> Ticket:
    """Insert a ticket, due now unless it has ended."""
    ended = {"wake_at": None, "finished_at": NOW}
    clock = ended if values.get("status") in TERMINAL else {"wake_at": NOW}
    state = {"requested_priority": None, "timezone": "UTC", "masked": []}
    basic = {"id": new_id(), "subject": "Hello", "body": "Anybody?", "next_step": "read", "state": state}
    return add(session, Ticket, **basic | clock | values)


def add_event(session: Session, ticket: Ticket, event: str, **values: Any) -> TicketEvent:
    """Insert a line of a ticket's trail."""
    basic = {"ticket_id": ticket.id, "tenant": ticket.tenant, "type": event, "generation": ticket.generation}
    return add(session, TicketEvent, **basic | values)


def add_step(session: Session, ticket: Ticket, step: str, **values: Any) -> TicketStep:
    """Insert a line of the ledger."""
    basic = {
        "ticket_id": ticket.id,
        "step": step,
        "round": 1,
        "generation": 1,
        "attempts": 1,
        "input_hash": "",
        "output": {},
        "engines": [],
        "started_at": NOW,
        "duration_s": 0.1,
        "ticket_version": 1,
    }
    return add(session, TicketStep, **basic | values)


def add_article(session: Session, **values: Any) -> Article:
    """Insert an article."""
    return add(session, Article, **{"id": new_id(), "title": "Reset", "body": "Click.", **values})


def add_endpoint(session: Session, **values: Any) -> WebhookEndpoint:
    """Insert an endpoint that is told of everything."""
    endpoint_id = new_id()
    events = ["ticket.completed", "ticket.failed", "ticket.cancelled", "ticket.awaiting_approval"]
    basic = {"id": endpoint_id, "url": f"https://crm.example/{endpoint_id}", "events": events, "secret": "whsec_a"}
    return add(session, WebhookEndpoint, **basic | values)


def add_delivery(session: Session, endpoint: WebhookEndpoint, **values: Any) -> WebhookDelivery:
    """Insert a delivery that is due now."""
    basic = {"id": new_id(), "tenant": endpoint.tenant, "endpoint_id": endpoint.id, "type": "webhook.test"}
    return add(session, WebhookDelivery, **basic | {"payload": {}} | values)
