"""Fitted classifiers, in versions; and the categories people put right, which the next one learns from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from ticketflow.errors import NotFoundError
from ticketflow.storage.models import ClassifierModel, Ticket, TicketCorrection


@dataclass(frozen=True, slots=True)
class NewModel:
    """A fitted classifier on its way in; see ``ClassifierModel``."""

    fingerprint: str
    taxonomy: dict[str, Any]
    artefact: bytes
    metrics: dict[str, Any]


class Publication(NamedTuple):
    """Which version was published last, and when."""

    version: int
    published_at: datetime


class CorrectedCategory(NamedTuple):
    """A ticket, card and account numbers starred out, and the category a person gave it."""

    subject: str
    body: str
    category: str


def find_publication(session: Session, tenant: str) -> Publication | None:
    """Tell which version counts now; ``None`` while the taxonomy file does."""
    row = session.execute(
        select(ClassifierModel.version, ClassifierModel.published_at)
        .where(ClassifierModel.tenant == tenant, ClassifierModel.published_at.is_not(None))
        .order_by(ClassifierModel.published_at.desc(), ClassifierModel.version.desc())
        .limit(1)
    ).first()
    return None if row is None else Publication(row.version, row.published_at)


def find_by_fingerprint(session: Session, tenant: str, fingerprint: str) -> ClassifierModel | None:
    """Find the fit of the very same inputs."""
    query = select(ClassifierModel).filter_by(tenant=tenant, fingerprint=fingerprint)
    found: ClassifierModel | None = session.scalar(query)
    return found


def get_model(session: Session, tenant: str, version: int) -> ClassifierModel:
    """Read one version.

    Raises:
        NotFoundError: There is no such version.
    """
    found = session.get(ClassifierModel, (tenant, version))
    if found is None:
        raise NotFoundError(f"there is no version {version}; `ticketflow taxonomy show` lists those there are")
    return found


def list_models(session: Session, tenant: str) -> Sequence[ClassifierModel]:
    """List all versions, newest first, without their artefacts."""
    query = select(ClassifierModel).options(defer(ClassifierModel.artefact)).where(ClassifierModel.tenant == tenant)
    return session.scalars(query.order_by(ClassifierModel.version.desc())).all()


def record_model(session: Session, tenant: str, new: NewModel) -> ClassifierModel:
    """Insert a fit under the next version; the same inputs, fitted by somebody else meanwhile, keep theirs."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('ticketflow.classifier_models'), hashtext(:t))"), {"t": tenant}
    )
    known = find_by_fingerprint(session, tenant, new.fingerprint)
    if known is not None:
        return known
    latest = session.scalar(select(func.max(ClassifierModel.version)).where(ClassifierModel.tenant == tenant))
    model = ClassifierModel(
        tenant=tenant,
        version=(latest or 0) + 1,
        fingerprint=new.fingerprint,
        taxonomy=new.taxonomy,
        artefact=new.artefact,
        metrics=new.metrics,
    )
    session.add(model)
    session.flush()
    return model


def publish_model(session: Session, tenant: str, version: int) -> None:
    """Make a version the one that counts from now on.

    Raises:
        NotFoundError: There is no such version.
    """
    # The database's clock: the last one to publish counts, however wrong the clock of their machine is.
    get_model(session, tenant, version).published_at = func.now()


def list_corrected_categories(session: Session, tenant: str) -> Sequence[CorrectedCategory]:
    """List the tickets whose category a person settled, by the newest correction of each, oldest ticket first."""
    query = (
        select(Ticket.subject, Ticket.body, TicketCorrection.after)
        .join(Ticket, Ticket.id == TicketCorrection.ticket_id)
        .where(TicketCorrection.tenant == tenant, TicketCorrection.field == "category", Ticket.body != "")
        .ext(distinct_on(TicketCorrection.ticket_id))
        .order_by(TicketCorrection.ticket_id, TicketCorrection.id.desc())
    )
    return [CorrectedCategory(subject, body, str(after)) for subject, body, after in session.execute(query)]
