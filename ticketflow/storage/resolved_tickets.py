"""Tickets whose answers a person approved: what was asked and what was sent, without personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketflow.storage.models import RESOLVED_REVISION, ResolvedTicket

# The encoder of a row whose vector nobody has computed yet.
NO_ENCODER = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tenant's resolved tickets have come: changes whenever one is added, changed or deleted."""

    revision: int
    count: int


def record_resolution(session: Session, tenant: str, ticket_id: UUID, question: str, reply: str) -> None:
    """Keep an answer, in the place of a former one of the same ticket; whoever searches next computes its vector."""
    # One writer at a time, so that revisions appear in order and a reader never misses one.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ticketflow.resolved'), hashtext(:t))"), {"t": tenant})
    changed = {"question": question, "reply": reply, "encoder": NO_ENCODER, "vector": b""}
    row = insert(ResolvedTicket).values(ticket_id=ticket_id, tenant=tenant, **changed)
    again = {**changed, "revision": RESOLVED_REVISION.next_value()}
    session.execute(row.on_conflict_do_update(index_elements=[ResolvedTicket.ticket_id], set_=again))


def remove_resolution(session: Session, ticket_id: UUID) -> None:
    """Forget the answer of a ticket, if one is kept: whoever approved it did so of another draft than is to come."""
    session.execute(delete(ResolvedTicket).where(ResolvedTicket.ticket_id == ticket_id))


def read_progress(session: Session, tenant: str) -> Progress:
    """Tell how far a tenant's resolved tickets have come."""
    counted = select(func.coalesce(func.max(ResolvedTicket.revision), 0), func.count())
    return Progress(*session.execute(counted.where(ResolvedTicket.tenant == tenant)).one())


def list_resolved(session: Session, tenant: str, after_revision: int) -> Sequence[ResolvedTicket]:
    """List those added or changed after a revision, in order of change."""
    query = select(ResolvedTicket).where(ResolvedTicket.tenant == tenant, ResolvedTicket.revision > after_revision)
    return session.scalars(query.order_by(ResolvedTicket.revision)).all()


def keep_vector(session: Session, resolved: ResolvedTicket, encoder: str, vector: bytes) -> None:
    """Store the vector of a question, unless the question has changed meanwhile."""
    unchanged = (ResolvedTicket.ticket_id == resolved.ticket_id) & (ResolvedTicket.revision == resolved.revision)
    session.execute(update(ResolvedTicket).where(unchanged).values(encoder=encoder, vector=vector))
