"""Take a ticket in: ticket, first event and idempotency record in one transaction; payment numbers stay outside."""

from dataclasses import fields, replace
from typing import Any, Literal

from sqlalchemy.orm import Session

from ticketflow.mail.decoding import decode_body, decode_line
from ticketflow.mail.message import is_mail, pick_headers, read_mail
from ticketflow.masking import mask_all, mask_payment_numbers
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.metrics import SUBMITTED
from ticketflow.services.answer_once import Submission, answer_once
from ticketflow.services.views import describe_ticket
from ticketflow.storage.events import record_event
from ticketflow.storage.idempotency import RepeatableRequest
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket, record_ticket
from ticketflow.workflow.events import EventType
from ticketflow.workflow.lineage import FIRST_VERSION
from ticketflow.workflow.state import Entity

_TEXTS: tuple[Literal["subject", "body"], ...] = ("subject", "body")


def submit_ticket(  # what, whose, and where it starts
    sessions: Sessions,
    tenant: str,
    new: NewTicket,
    first_step: str,
    request: RepeatableRequest | None = None,
    *,
    graph_version: int = FIRST_VERSION,
) -> Submission:
    """Store a ticket that is due at once; wake a dispatcher after this returns.

    Args:
        new: What came in; it is unpacked, and card and account numbers in it are starred, first.
        first_step: Where the plan starts.
        graph_version: Of the graph it starts on.
        request: Given when the caller may repeat the request and must get the same answer.

    Raises:
        IdempotencyMismatchError: The key was used with another payload; nothing is stored.
        IdempotencyConflictError: The first request is still running; nothing is stored.
    """

    def open_ticket(session: Session) -> dict[str, Any]:
        taken = take_in(new)
        ticket = record_ticket(session, tenant, taken, first_step, graph_version)
        detail = {"unpacked": list(taken.unpacked)} if taken.unpacked else {}
        record_event(session, ticket, EventType.TICKET_RECEIVED, detail=detail)
        return describe_ticket(ticket)

    submission = answer_once(sessions, tenant, request, open_ticket)
    if not submission.is_replay:
        failpoint("submit.after")
        SUBMITTED.labels(submission.ticket["priority"]).inc()
    return submission


def take_in(new: NewTicket) -> NewTicket:
    """Read a new ticket as a person would see it, and mask it: unpacked before anything looks for numbers in it.

    The packed text is not kept: it may hold in clear what is starred in the body.
    """
    headers, body = pick_headers(new.metadata), new.body
    if is_mail(body):
        mail = read_mail(body.encode(errors="replace"))
        headers |= mail.headers
        body = mail.body
    body, unpacked = decode_body(body)
    return mask_ticket(
        replace(
            new,
            subject=decode_line(new.subject),
            body=body,
            customer_name=new.customer_name and decode_line(new.customer_name),
            headers=headers,
            unpacked=unpacked,
        )
    )


def mask_ticket(new: NewTicket) -> NewTicket:
    """Star out card and account numbers in every field, and note those of subject and body.

    Masking a masked ticket changes nothing.
    """
    found: list[Entity] = []
    for name in _TEXTS:
        kept = [entity for entity in new.masked if entity["field"] == name]
        added = [
            Entity(type=each.kind, value=each.value, text=each.text, field=name, start=each.start, end=each.end)
            for each in mask_payment_numbers(getattr(new, name))[1]
        ]
        found += sorted(kept + added, key=lambda entity: entity["start"])
    values = {each.name: mask_all(getattr(new, each.name)) for each in fields(new) if each.name != "masked"}
    return replace(new, **values, masked=found)
