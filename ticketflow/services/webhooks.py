"""Webhooks as their owners see them: register, change, test, look after deliveries."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from ticketflow.adapters.webhook_address import read_url
from ticketflow.errors import ConflictError
from ticketflow.masking import mask_text
from ticketflow.services.deliver_webhook import SECRET_PREFIX
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.storage.session import Sessions
from ticketflow.storage.webhook_deliveries import (
    erase_deliveries,
    get_delivery,
    page_deliveries,
    record_test,
    requeue_delivery,
)
from ticketflow.storage.webhooks import (
    EndpointChange,
    NewEndpoint,
    change_endpoint,
    erase_endpoint,
    get_endpoint,
    list_endpoints,
    lock_endpoint,
    record_endpoint,
    rotate_secret,
)

SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64
# Long enough to change the other side in peace.
OLD_SECRET_FOR = timedelta(days=1)


def create_webhook(sessions: Sessions, tenant: str, new: NewEndpoint, *, allow_private: bool) -> WebhookEndpoint:
    """Register an endpoint; it is told of what happens from now on. Its secret is not shown again.

    Raises:
        InvalidInputError: The address is not one to send to.
        ConflictError: It is registered already, or there are too many.
    """
    description = new.description and mask_text(new.description)
    checked = replace(new, url=read_url(new.url, allow_private=allow_private), description=description)
    with sessions.begin() as session:
        return record_endpoint(session, tenant, checked, _make_secret())


def read_webhook(sessions: Sessions, tenant: str, endpoint_id: UUID) -> WebhookEndpoint:
    """Show one endpoint.

    Raises:
        NotFoundError: There is none.
    """
    with sessions() as session:
        return get_endpoint(session, tenant, endpoint_id)


def read_webhooks(sessions: Sessions, tenant: str) -> Sequence[WebhookEndpoint]:
    """Show all endpoints, oldest first."""
    with sessions() as session:
        return list_endpoints(session, tenant)


def update_webhook(
    sessions: Sessions, owner: tuple[str, UUID], seen: int | None, change: EndpointChange, *, allow_private: bool
) -> WebhookEndpoint:
    """Change an endpoint. One that is enabled again gets what has waited for it meanwhile.

    Args:
        owner: Tenant and id of the endpoint.
        seen: The version the caller read; ``None`` takes whatever is there.

    Raises:
        NotFoundError: There is none.
        VersionConflictError: It changed since.
        InvalidInputError: The new address is not one to send to.
        ConflictError: The new address is another endpoint's.
    """
    if change.description is not None:
        change = replace(change, description=mask_text(change.description))
    if change.url is not None:
        change = replace(change, url=read_url(change.url, allow_private=allow_private))
    with sessions.begin() as session:
        endpoint = lock_endpoint(session, *owner, seen)
        change_endpoint(session, endpoint, change)
        return endpoint


def delete_webhook(sessions: Sessions, tenant: str, endpoint_id: UUID) -> None:
    """Delete an endpoint with its deliveries; what waits is not sent any more.

    Raises:
        NotFoundError: There is none.
    """
    with sessions.begin() as session:
        erase_endpoint(lock_endpoint(session, tenant, endpoint_id))
        erase_deliveries(session, endpoint_id)


def change_secret(sessions: Sessions, tenant: str, endpoint_id: UUID) -> WebhookEndpoint:
    """Sign with a new secret, not shown again; for a day deliveries carry a signature by the old one too.

    Raises:
        NotFoundError: There is none.
    """
    with sessions.begin() as session:
        endpoint = lock_endpoint(session, tenant, endpoint_id)
        rotate_secret(session, endpoint, _make_secret(), OLD_SECRET_FOR)
        return endpoint


def send_test(sessions: Sessions, tenant: str, endpoint_id: UUID) -> WebhookDelivery:
    """Send an endpoint a ``webhook.test``, as any other delivery.

    Raises:
        NotFoundError: There is none.
        ConflictError: It is disabled.
    """
    with sessions.begin() as session:
        endpoint = _require_enabled(lock_endpoint(session, tenant, endpoint_id))
        return record_test(session, endpoint)


def read_delivery(sessions: Sessions, tenant: str, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Show one delivery.

    Raises:
        NotFoundError: There is none.
    """
    with sessions() as session:
        endpoint = get_endpoint(session, tenant, endpoint_id)
        return get_delivery(session, endpoint.id, delivery_id)


def read_deliveries(
    sessions: Sessions, owner: tuple[str, UUID], status: str | None, before_id: UUID | None, limit: int
) -> tuple[Sequence[WebhookDelivery], bool]:
    """Show a page of an endpoint's deliveries, newest first, and whether an older page follows.

    Args:
        owner: Tenant and id of the endpoint.

    Raises:
        NotFoundError: There is no such endpoint.
    """
    with sessions() as session:
        endpoint = get_endpoint(session, *owner)
        rows = page_deliveries(session, endpoint.id, status, before_id, limit + 1)
        return rows[:limit], len(rows) > limit


def redeliver(sessions: Sessions, tenant: str, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Send a delivery again at once, under the same id, whatever became of it.

    Raises:
        NotFoundError: There is none.
        ConflictError: It is being sent just now, or its endpoint is disabled.
    """
    with sessions.begin() as session:
        endpoint = _require_enabled(lock_endpoint(session, tenant, endpoint_id))
        return requeue_delivery(session, endpoint, delivery_id)


def _require_enabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    if not endpoint.enabled:
        raise ConflictError("the webhook is disabled; enable it first")
    return endpoint


def _make_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
