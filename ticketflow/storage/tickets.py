"""The ticket row as callers see it: insert, read, page. Its moves live in ``leases`` and ``due``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from ticketflow.errors import NotFoundError
from ticketflow.mail.decoding import Packing
from ticketflow.mail.parts import Part, split_mail
from ticketflow.observability.context import current_request_id, make_request_id
from ticketflow.observability.tracing import current_traceparent
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Ticket, TicketSearch
from ticketflow.workflow.lineage import FIRST_VERSION
from ticketflow.workflow.state import PRIORITIES, Entity, Priority, Request
from ticketflow.workflow.transitions import Status

# PostgreSQL's parser looks ahead from each word: to the next blank, whether it begins an address, and from ``<!--`` to
# the end of the comment. A text of 100,000 characters without either took it over a minute.
_LONG_WORD = re.compile(r"\S{255}")
_COMMENT = "<!--"
REPEATED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A validated ticket on its way in.

    Attributes:
        subject: One line.
        body: The customer's text.
        customer_email: The customer's own address.
        customer_name: Name to greet.
        channel: Where it came from.
        priority: What the caller asked for; ``None`` leaves it to classification.
        external_id: The caller's own reference; not unique.
        metadata: Anything the caller wants back, plain JSON.
        not_before: Aware instant before which no step may run.
        timezone: IANA name of the customer's time zone.
        received_at: Aware instant at which it came in, where that was before it came here.
        masked: Card and account numbers that were masked in subject and body.
        unpacked: How the body had been packed, outermost first.
        headers: Of the mail it was, those that tell whether a person wrote it.
    """

    subject: str
    body: str
    customer_email: str | None = None
    customer_name: str | None = None
    channel: str | None = None
    priority: Priority | None = None
    external_id: str | None = None
    metadata: dict[str, Any] | None = None
    not_before: datetime | None = None
    timezone: str = "UTC"
    received_at: datetime | None = None
    masked: Sequence[Entity] = ()
    unpacked: Sequence[Packing] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class KeptRequest(TypedDict):
    """The part of a ``Request`` that has no column of its own."""

    requested_priority: Priority | None
    timezone: str
    masked: list[Entity]
    parts: NotRequired[list[Part]]
    received_at: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    repeats: NotRequired[str]
    is_wanted: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What a page of tickets is narrowed to; ``None`` does not narrow.

    Attributes:
        query: Words that must all occur in subject or body.
        before_id: Only tickets older than this one: the key of the next page.
    """

    status: str | None = None
    category: str | None = None
    team: str | None = None
    priority: Priority | None = None
    channel: str | None = None
    customer_email: str | None = None
    external_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    query: str | None = None
    before_id: UUID | None = None


def record_ticket(
    session: Session, tenant: str, new: NewTicket, first_step: str, graph_version: int = FIRST_VERSION
) -> Ticket:
    """Insert a queued ticket that is due now, or at ``not_before``, at a step of a version of the graph."""
    ticket = build_ticket(tenant, new, first_step)
    repeated = find_repeated(session, tenant, new)
    if repeated is not None:
        ticket.state = {**ticket.state, "repeats": str(repeated)}
    ticket.graph_version = graph_version
    session.add(ticket)
    session.flush()
    words = func.to_tsvector("simple", _shorten_words(f"{new.subject} {new.body}"))
    session.execute(insert(TicketSearch).values(ticket_id=ticket.id, tenant=tenant, document=words))
    return ticket


def build_ticket(tenant: str, new: NewTicket, first_step: str) -> Ticket:
    """Build the row of a new ticket; nothing is stored.

    It keeps the request and the place in a trace that it is made in.
    """
    kept = KeptRequest(
        requested_priority=new.priority,
        timezone=new.timezone,
        masked=list(new.masked),
        parts=split_mail(new.subject, new.body, new.customer_name),
    )
    if new.received_at is not None:
        kept["received_at"] = new.received_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if new.headers:
        kept["headers"] = dict(new.headers)
    return Ticket(
        id=new_id(),
        tenant=tenant,
        subject=new.subject,
        body=new.body,
        customer_email=new.customer_email,
        customer_name=new.customer_name,
        channel=new.channel,
        priority=PRIORITIES.index(new.priority or "normal"),
        external_id=new.external_id,
        ticket_metadata=new.metadata or {},
        not_before=new.not_before,
        wake_at=new.not_before or func.now(),
        request_id=current_request_id() or make_request_id(),
        traceparent=current_traceparent(),
        next_step=first_step,
        state=dict(kept),
    )


def find_repeated(session: Session, tenant: str, new: NewTicket) -> UUID | None:
    """Find the first ticket of the same sender, within the last day, that says the same and is not lost."""
    if new.customer_email is None:
        return None
    return session.scalar(
        select(Ticket.id)
        .where(
            Ticket.tenant == tenant,
            Ticket.customer_email == new.customer_email,
            Ticket.created_at > func.now() - REPEATED_WITHIN,
            Ticket.subject == new.subject,
            Ticket.body == new.body,
            Ticket.status.not_in([Status.FAILED, Status.CANCELLED]),
        )
        .order_by(Ticket.id)
        .limit(1)
    )


def get_ticket(session: Session, tenant: str, ticket_id: UUID) -> Ticket:
    """Read one ticket.

    Raises:
        NotFoundError: This tenant has no such ticket.
    """
    ticket = session.scalar(select(Ticket).where(Ticket.id == ticket_id, Ticket.tenant == tenant))
    if ticket is None:
        raise NotFoundError(f"no ticket {ticket_id}")
    return ticket


def find_status(session: Session, ticket_id: UUID) -> str | None:
    """Read where a ticket stands, and nothing else; ``None`` if there is no such ticket any more."""
    return session.scalar(select(Ticket.status).where(Ticket.id == ticket_id))


def page_tickets(session: Session, tenant: str, wanted: TicketFilter, limit: int) -> Sequence[Ticket]:
    """List up to ``limit`` tickets, newest first."""
    query = _narrow(select(Ticket).where(Ticket.tenant == tenant), wanted)
    return session.scalars(query.order_by(Ticket.id.desc()).limit(limit)).all()


def keep_request(state: Mapping[str, Any]) -> KeptRequest:
    """Pick from a ticket's state what it arrived with; the rest is what steps found out."""
    kept: KeptRequest = {
        "requested_priority": state["requested_priority"],
        "timezone": state.get("timezone", "UTC"),  # tickets from before migration 0003 have neither
        "masked": state.get("masked", []),
    }
    for name in ("parts", "received_at", "headers", "repeats", "is_wanted"):
        if name in state:
            kept[name] = state[name]
    return kept


def build_request(ticket: Any) -> Request:
    """Gather what the graph starts from.

    Args:
        ticket: A ticket, or any row with its columns.
    """
    return {
        "ticket_id": str(ticket.id),
        "tenant": ticket.tenant,
        "subject": ticket.subject,
        "body": ticket.body,
        "customer_name": ticket.customer_name,
        "customer_email": ticket.customer_email,
        "channel": ticket.channel,
        "received_at": ticket.created_at.isoformat(),
        **keep_request(ticket.state),
    }


def _narrow(query: Select[Ticket], wanted: TicketFilter) -> Select[Ticket]:
    equal = {
        Ticket.status: wanted.status,
        Ticket.category: wanted.category,
        Ticket.state["team"].astext: wanted.team,
        Ticket.channel: wanted.channel,
        Ticket.customer_email: wanted.customer_email,
        Ticket.external_id: wanted.external_id,
        Ticket.priority: PRIORITIES.index(wanted.priority) if wanted.priority else None,
    }
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.created_after is not None:
        query = query.where(Ticket.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        query = query.where(Ticket.created_at < wanted.created_before)
    if wanted.before_id is not None:
        query = query.where(Ticket.id < wanted.before_id)
    if wanted.query is not None:
        words = func.plainto_tsquery("simple", _shorten_words(wanted.query))
        query = query.where(Ticket.id.in_(select(TicketSearch.ticket_id).where(TicketSearch.document.op("@@")(words))))
    return query


def _shorten_words(text: str) -> str:
    """Cut what search would take too long to read, in texts as in queries."""
    return _LONG_WORD.sub(r"\g<0> ", text.replace(_COMMENT, " "))
