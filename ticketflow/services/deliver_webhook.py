"""Send what webhooks are to be told of: claim, send outside any transaction, report back.

Whoever dies in between leaves a clock behind, and somebody else sends the same message again, under the same id.
"""

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from ticketflow import __version__
from ticketflow.adapters.webhook_post import Answer, UndeliveredError
from ticketflow.observability.context import bound
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.observability.metrics import WEBHOOK_DELIVERIES
from ticketflow.services.views import instant
from ticketflow.storage.session import Sessions
from ticketflow.storage.webhook_deliveries import (
    DELETE_AT_ONCE,
    ClaimedDelivery,
    FailedAttempt,
    RetryPolicy,
    claim_deliveries,
    delete_old_deliveries,
    record_failure,
    record_success,
)

log = get_logger(__name__)

SECRET_PREFIX = "whsec_"  # noqa: S105  # how all of them begin
# Looking a name up cannot be cut short, and reporting back takes a moment.
LEASE_MARGIN = timedelta(seconds=5)
LONGEST_RETRY_AFTER_S = 86_400
_SECONDS = re.compile(r"[0-9]{1,9}")

Post = Callable[[str, Mapping[str, str], bytes], Answer]
"""Sends a body to a URL; raises ``UndeliveredError``."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How much one process sends at a time, and for how long.

    Attributes:
        timeout: What one request may take in all.
        keep_for: How long finished deliveries stay.
        seats: Deliveries under way at one time.
        share: Of these, most to one endpoint.
    """

    timeout: timedelta
    policy: RetryPolicy
    keep_for: timedelta
    seats: int = 16
    share: int = 8


def claim_webhooks(
    sessions: Sessions, limits: DeliveryLimits, room: int, busy: Mapping[UUID, int]
) -> list[ClaimedDelivery]:
    """Take up to ``room`` due deliveries, to be sent at once.

    Args:
        busy: Deliveries this process has under way already, by endpoint.
    """
    with sessions.begin() as session:
        return claim_deliveries(session, room, limits.share, limits.timeout + LEASE_MARGIN, busy)


def deliver_webhook(sessions: Sessions, post: Post, policy: RetryPolicy, delivery: ClaimedDelivery) -> None:
    """Send a claimed delivery and keep what came of it."""
    with bound(**_name(delivery)):
        body = build_body(delivery)
        try:
            answer = post(delivery.url, build_headers(delivery, body), body)
        except UndeliveredError as error:
            _fail(sessions, delivery, FailedAttempt(str(error)), policy)
            return
        failpoint("webhook.after")
        if not HTTPStatus(200) <= answer.status < HTTPStatus(300):
            _fail(sessions, delivery, judge(answer), policy)
            return
        with sessions.begin() as session:
            is_ours = record_success(session, delivery, answer.status)
        if is_ours:
            WEBHOOK_DELIVERIES.labels(outcome="delivered").inc()
            log.info("webhook.delivered", type=delivery.type, attempt=delivery.attempt, status=answer.status)


def prune_deliveries(sessions: Sessions, keep_for: timedelta) -> None:
    """Delete deliveries that were done or given up longer ago than ``keep_for``."""
    is_more = True
    while is_more:
        with sessions.begin() as session:
            is_more = delete_old_deliveries(session, keep_for) == DELETE_AT_ONCE


def build_body(delivery: ClaimedDelivery) -> bytes:
    """Build the message: what happened and where to read more, the same bytes for every attempt."""
    data = dict(delivery.payload)
    if delivery.ticket_id is not None:
        path = f"/tickets/{delivery.ticket_id}"
        data["links"] = {"ticket": path, "events": f"{path}/events"}
    message = {"type": delivery.type, "timestamp": instant(delivery.occurred_at), "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


def build_headers(delivery: ClaimedDelivery, body: bytes) -> dict[str, str]:
    """Build the request's headers, signed as Standard Webhooks 1.0.0 has it."""
    message_id, sent_at = str(delivery.id), int(delivery.sent_at.timestamp())
    secrets = filter(None, (delivery.secret, delivery.previous_secret))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"ticketflow/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(sign(secret, message_id, sent_at, body) for secret in secrets),
    }
    return headers | ({"X-Request-ID": delivery.request_id} if delivery.request_id else {})


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign a message: HMAC-SHA256 over id, timestamp and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def judge(answer: Answer) -> FailedAttempt:
    """Say what an answer means that is no success."""
    phrase = "a redirect, which is not followed" if HTTPStatus(300) <= answer.status < HTTPStatus(400) else "an error"
    asked_s = int(answer.retry_after) if answer.retry_after and _SECONDS.fullmatch(answer.retry_after) else 0
    return FailedAttempt(
        error=f"the answer was {answer.status}, {phrase}",
        status=answer.status,
        is_gone=answer.status == HTTPStatus.GONE,
        retry_after=timedelta(seconds=min(asked_s, LONGEST_RETRY_AFTER_S)),
    )


def _name(delivery: ClaimedDelivery) -> dict[str, str]:
    """Return what every log line about a delivery has in common."""
    fields = {
        "tenant": delivery.tenant,
        "request_id": delivery.request_id,
        "ticket_id": delivery.ticket_id,
        "webhook_id": delivery.endpoint_id,
        "delivery_id": delivery.id,
    }
    return {name: str(value) for name, value in fields.items() if value is not None}


def _fail(sessions: Sessions, delivery: ClaimedDelivery, failed: FailedAttempt, policy: RetryPolicy) -> None:
    with sessions.begin() as session:
        setback = record_failure(session, delivery, failed, policy)
    if setback is None:
        return
    WEBHOOK_DELIVERIES.labels(outcome="failed" if setback.is_last else "retrying").inc()
    what = {"type": delivery.type, "attempt": delivery.attempt, "error": failed.error}
    if setback.is_last:
        log.error("webhook.failed", **what)
    else:
        log.warning("webhook.retrying", **what)
    if setback.disabled_reason is not None:
        log.error("webhook.endpoint_disabled", reason=setback.disabled_reason)
