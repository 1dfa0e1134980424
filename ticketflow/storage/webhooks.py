"""Endpoints that are told of tickets: insert, read, change. What they are told is ``webhook_deliveries``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.ids import new_id
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint

# Each of them costs a row when a ticket ends.
MAX_ENDPOINTS = 20


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """A validated endpoint on its way in.

    Attributes:
        events: Types of events it is told of.
        description: For the people who look at the list.
    """

    url: str
    events: Sequence[str]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is different about an endpoint; ``None`` leaves a thing as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    enabled: bool | None = None


def record_endpoint(session: Session, tenant: str, new: NewEndpoint, secret: str) -> WebhookEndpoint:
    """Insert an endpoint.

    Raises:
        ConflictError: The address is one already, or there are too many.
    """
    _order_changes(session, tenant)
    others = list_endpoints(session, tenant)
    if len(others) >= MAX_ENDPOINTS:
        raise ConflictError(f"there are {MAX_ENDPOINTS} webhooks, as many as there may be; delete one first")
    _refuse_known(others, new.url)
    endpoint = WebhookEndpoint(id=new_id(), tenant=tenant, url=new.url, events=list(new.events), secret=secret)
    endpoint.description = new.description
    session.add(endpoint)
    session.flush()
    session.refresh(endpoint)
    return endpoint


def get_endpoint(session: Session, tenant: str, endpoint_id: UUID) -> WebhookEndpoint:
    """Read one endpoint.

    Raises:
        NotFoundError: This tenant has no such endpoint, or it was deleted.
    """
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, *_existing(tenant))
    return _require(session.scalar(query), endpoint_id)


def lock_endpoint(session: Session, tenant: str, endpoint_id: UUID, seen: int | None = None) -> WebhookEndpoint:
    """Read an endpoint and keep everybody else from changing it until the transaction ends.

    Args:
        seen: The version the caller decided on; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is no such endpoint.
        VersionConflictError: It changed since.
    """
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, *_existing(tenant))
    # Not FOR UPDATE: a ticket that ends may refer to it meanwhile.
    endpoint = _require(session.scalar(query.with_for_update(key_share=True)), endpoint_id)
    if seen is not None and endpoint.version != seen:
        raise VersionConflictError(f"the webhook is at version {endpoint.version}, not {seen}; read it again")
    return endpoint


def list_endpoints(session: Session, tenant: str) -> Sequence[WebhookEndpoint]:
    """List a tenant's endpoints, oldest first."""
    query = select(WebhookEndpoint).where(*_existing(tenant)).order_by(WebhookEndpoint.id)
    return session.scalars(query).all()


def change_endpoint(session: Session, endpoint: WebhookEndpoint, change: EndpointChange) -> None:
    """Change a locked endpoint. One that is enabled again is as good as new, and so is what waits for it.

    Raises:
        ConflictError: The new address is another endpoint's.
    """
    if change.url is not None and change.url != endpoint.url:
        _order_changes(session, endpoint.tenant)
        _refuse_known(list_endpoints(session, endpoint.tenant), change.url)
        endpoint.url = change.url
    if change.events is not None:
        endpoint.events = list(change.events)
    if change.description is not None:
        endpoint.description = change.description
    if change.enabled is not None and change.enabled != endpoint.enabled:
        endpoint.enabled = change.enabled
        endpoint.disabled_reason = None
        endpoint.failures = 0
        endpoint.failing_since = endpoint.rests_until = None
        waiting = WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.next_attempt_at.is_not(None)
        session.execute(update(WebhookDelivery).where(*waiting).values(requested_at=func.now()))
    _touch(session, endpoint)


def rotate_secret(session: Session, endpoint: WebhookEndpoint, secret: str, keep_for: timedelta) -> None:
    """Sign with a new secret from now on, and with the one before as well for a while."""
    endpoint.previous_secret = endpoint.secret
    endpoint.previous_secret_until = func.now() + keep_for
    endpoint.secret = secret
    _touch(session, endpoint)


def erase_endpoint(endpoint: WebhookEndpoint) -> None:
    """Take a locked endpoint away. Its row stays without its secrets: a ticket may be ending just now."""
    endpoint.enabled = False
    endpoint.secret = ""
    endpoint.previous_secret = endpoint.previous_secret_until = None
    endpoint.deleted_at = func.now()


def _existing(tenant: str) -> tuple[ColumnElement[bool], ...]:
    return WebhookEndpoint.tenant == tenant, WebhookEndpoint.deleted_at.is_(None)


def _require(endpoint: WebhookEndpoint | None, endpoint_id: UUID) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFoundError(f"no webhook {endpoint_id}")
    return endpoint


def _refuse_known(others: Sequence[WebhookEndpoint], url: str) -> None:
    for other in others:
        if other.url == url:
            raise ConflictError(f"webhook {other.id} has this address; change its events instead")


def _touch(session: Session, endpoint: WebhookEndpoint) -> None:
    endpoint.version += 1
    endpoint.updated_at = func.now()
    session.flush()
    session.refresh(endpoint)


def _order_changes(session: Session, tenant: str) -> None:
    """Let one writer at a time add addresses to a tenant, so that two never take the same one."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('ticketflow.webhooks'), hashtext(:t))"), {"t": tenant})
