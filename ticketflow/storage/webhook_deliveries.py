"""Deliveries to webhooks: written with the event they tell of, claimed by a clock, reported back on.

A ticket's move writes its event and, in the same statement or transaction, a delivery for each endpoint that wants to
know. From there it works as with tickets: ``next_attempt_at`` is the whole clock, whoever claims a delivery moves it,
and only the attempt that is under way may report what came of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from ticketflow.errors import ConflictError, NotFoundError
from ticketflow.storage.ids import new_id
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.workflow.events import WEBHOOK_EVENTS

TEST_EVENT = "webhook.test"

# An endpoint counts as failing from this many failed attempts in a row on.
FAILING = 3
# The wait before the next attempt is as long as the delivery has waited so far, within these: it doubles each time.
FIRST_WAIT = timedelta(seconds=5)
LAST_WAIT = timedelta(hours=6)
# So does the rest of an endpoint that fails, with one attempt after each: a dead one takes nobody else's time.
FIRST_REST = timedelta(seconds=1)
LAST_REST = timedelta(minutes=5)
# Old deliveries go a few at a time: nobody waits for it.
DELETE_AT_ONCE = 1000

# UUIDv7 (RFC 9562 §5.7) as ``new_id`` makes it: milliseconds, then chance. PostgreSQL has its own from 18 on.
_NEW_ID = """
    CAST(encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)) FROM 3) FROM 1 FOR 6
    ), 52, 1), 53, 1), 'hex') AS uuid)
"""
_HOOKS = ", ".join(f"('{event}', '{told}')" for event, told in WEBHOOK_EVENTS.items())
# Columns of a ticket, as it is after the move, that ``RECORD_DELIVERIES`` tells of.
MOVED = "id, tenant, version, status, external_id, state #> '{result,resolution}' AS resolution"
# Follows ``moved`` (a ticket's columns above) and ``trail`` (the events of its move) in one statement.
RECORD_DELIVERIES = f"""
    INSERT INTO webhook_deliveries (id, tenant, endpoint_id, ticket_id, event_id, type, payload, occurred_at)
    SELECT {_NEW_ID}, moved.tenant, endpoint.id, moved.id, trail.id, hook.type,
           jsonb_build_object('ticket_id', moved.id, 'external_id', moved.external_id, 'status', moved.status,
                              'version', moved.version, 'resolution',
                              CASE WHEN moved.status = 'completed' THEN moved.resolution END),
           trail.created_at
    FROM trail
    JOIN (VALUES {_HOOKS}) AS hook(event, type) ON hook.event = trail.type
    JOIN moved ON moved.id = trail.ticket_id
    JOIN webhook_endpoints AS endpoint ON endpoint.tenant = moved.tenant AND endpoint.deleted_at IS NULL
         AND endpoint.enabled AND hook.type = ANY(endpoint.events)
"""

_RECORD = text(f"""
    WITH moved AS (SELECT {MOVED} FROM tickets WHERE id = :ticket_id),
         trail AS (SELECT id, ticket_id, type, created_at FROM ticket_events WHERE id = :event_id)
    {RECORD_DELIVERIES}
""")

# Each endpoint is one range of the partial index: neither finished deliveries nor those of disabled endpoints are
# ever visited. A row another process is busy with is skipped.
_CLAIM = text("""
    WITH waiting AS (
        SELECT ripe.*, endpoint.failures, coalesce(busy.seats, 0) AS seats,
               row_number() OVER (PARTITION BY endpoint.id ORDER BY ripe.next_attempt_at) AS place
        FROM webhook_endpoints AS endpoint
        LEFT JOIN unnest(CAST(:busy_ids AS uuid[]), CAST(:busy_seats AS integer[])) AS busy(id, seats)
             ON busy.id = endpoint.id
        CROSS JOIN LATERAL (
            SELECT id, endpoint_id, ticket_id, next_attempt_at FROM webhook_deliveries
            WHERE endpoint_id = endpoint.id AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT :share FOR UPDATE SKIP LOCKED
        ) AS ripe
        WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
          AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= now())
    ), due AS (
        SELECT id, endpoint_id, ticket_id FROM waiting
        WHERE place + seats <= CASE WHEN failures > 0 THEN 1 ELSE :share END
        ORDER BY next_attempt_at LIMIT :limit
    )
    UPDATE webhook_deliveries AS delivery
    SET status = 'sending', attempts = attempts + 1, next_attempt_at = now() + :lease, last_attempt_at = now()
    FROM due JOIN webhook_endpoints AS endpoint ON endpoint.id = due.endpoint_id
         LEFT JOIN tickets AS ticket ON ticket.id = due.ticket_id
    WHERE delivery.id = due.id
    RETURNING delivery.id, delivery.tenant, endpoint.id AS endpoint_id, endpoint.url, endpoint.secret,
              CASE WHEN endpoint.previous_secret_until > now() THEN endpoint.previous_secret END AS previous_secret,
              delivery.type, delivery.payload, delivery.occurred_at, delivery.attempts AS attempt,
              delivery.last_attempt_at AS sent_at, delivery.ticket_id, ticket.request_id
""")

# Here as everywhere an endpoint's row is locked before those of its deliveries.
_RECOVER = text("""
    UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, rests_until = NULL
    WHERE id = :endpoint_id AND failures > 0
""")
_SUCCEED = text("""
    UPDATE webhook_deliveries
    SET status = 'delivered', next_attempt_at = NULL, finished_at = now(), response_status = :status, error = NULL
    WHERE id = :id AND attempts = :attempt AND status = 'sending'
    RETURNING id
""")

_FAIL = text("""
    WITH endpoint AS (
        SELECT id, enabled, CASE WHEN :is_gone THEN 'gone'
                                 WHEN now() - failing_since >= :disable_after THEN 'failing' END AS ends_as
        FROM webhook_endpoints WHERE id = :endpoint_id FOR NO KEY UPDATE
    ), seen AS (
        SELECT delivery.id, :is_gone OR now() - requested_at >= :retry_for AS is_over
        FROM endpoint JOIN webhook_deliveries AS delivery ON delivery.id = :id
    ), tried AS (
        UPDATE webhook_deliveries
        SET status = CASE WHEN is_over THEN 'failed' ELSE 'pending' END, error = :error, response_status = :status,
            finished_at = CASE WHEN is_over THEN now() END,
            next_attempt_at = CASE WHEN NOT is_over THEN now() + greatest(:retry_after,
                (0.8 + 0.4 * random()) * least(greatest(now() - requested_at, :first_wait), :last_wait)) END
        FROM seen WHERE webhook_deliveries.id = seen.id AND attempts = :attempt AND status = 'sending'
        RETURNING endpoint_id, status
    ), failing AS (
        UPDATE webhook_endpoints
        SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
            rests_until = now() + least(greatest(now() - failing_since, :first_rest), :last_rest),
            enabled = ends_as IS NULL, disabled_reason = ends_as,
            version = version + CASE WHEN ends_as IS NULL THEN 0 ELSE 1 END
        FROM tried JOIN endpoint ON endpoint.id = tried.endpoint_id AND endpoint.enabled
        WHERE webhook_endpoints.id = endpoint.id
        RETURNING disabled_reason
    )
    SELECT tried.status, failing.disabled_reason FROM tried LEFT JOIN failing ON true
""")

_MEASURE = text("""
    SELECT count(delivery.id),
           coalesce(extract(epoch FROM now() - min(delivery.next_attempt_at)
                                               FILTER (WHERE endpoint.rests_until IS NULL)), 0),
           count(DISTINCT endpoint.id) FILTER (WHERE endpoint.failures >= :failing)
    FROM webhook_endpoints AS endpoint
    LEFT JOIN webhook_deliveries AS delivery
           ON delivery.endpoint_id = endpoint.id AND delivery.next_attempt_at IS NOT NULL
    WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery to send now, with all that goes into the request.

    Attributes:
        previous_secret: To sign with as well; ``None`` unless the secret was changed lately.
        payload: The ``data`` of the message.
        occurred_at: When it happened.
        attempt: Must be presented to report back; whoever claims next gets another.
        sent_at: Database time of the claim.
        request_id: The request the ticket came with.
    """

    id: UUID
    tenant: str
    endpoint_id: UUID
    url: str
    secret: str = field(repr=False)
    previous_secret: str | None = field(repr=False)
    type: str
    payload: Mapping[str, Any]
    occurred_at: datetime
    attempt: int
    sent_at: datetime
    ticket_id: UUID | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """What went wrong with one attempt.

    Attributes:
        error: One line.
        status: Of the answer, if there was one.
        is_gone: The endpoint asked never to be called again.
        retry_after: How long it asked to be left alone.
    """

    error: str
    status: int | None = None
    is_gone: bool = False
    retry_after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on.

    Attributes:
        retry_for: A delivery that fails is given up this long after it was asked for.
        disable_after: An endpoint is disabled when all attempts failed for this long.
    """

    retry_for: timedelta
    disable_after: timedelta


@dataclass(frozen=True, slots=True)
class Setback:
    """What a failed attempt led to.

    Attributes:
        is_last: The delivery is given up.
        disabled_reason: Why the endpoint was disabled just now; ``None`` when it was not.
    """

    is_last: bool
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class WebhookMeasure:
    """How webhooks do, over all tenants; disabled endpoints are left out.

    Attributes:
        pending: Deliveries that are not done and not given up.
        oldest_due_age_s: How long the first delivery has been due at an endpoint that answers; 0 when none is.
        failing_endpoints: Endpoints whose last attempts all failed.
    """

    pending: int
    oldest_due_age_s: float
    failing_endpoints: int


def record_deliveries(session: Session, ticket_id: UUID, event_id: int) -> None:
    """Write a delivery of an event, of a ticket this transaction has locked, for each endpoint that wants to know."""
    session.execute(_RECORD, {"ticket_id": ticket_id, "event_id": event_id})


def record_test(session: Session, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Write a delivery that tells of nothing, to see whether it arrives."""
    delivery = WebhookDelivery(id=new_id(), tenant=endpoint.tenant, endpoint_id=endpoint.id, type=TEST_EVENT)
    delivery.payload = {"webhook_id": str(endpoint.id)}
    session.add(delivery)
    session.flush()
    session.refresh(delivery)
    return delivery


def claim_deliveries(
    session: Session, limit: int, share: int, lease: timedelta, busy: Mapping[UUID, int]
) -> list[ClaimedDelivery]:
    """Take up to ``limit`` due deliveries, the longest due first.

    Args:
        share: Most deliveries to one endpoint at a time; one that fails gets a single one.
        lease: How long the caller may take; then somebody else sends it again.
        busy: Deliveries the caller has under way already, by endpoint.
    """
    seats = {"busy_ids": list(busy), "busy_seats": list(busy.values())}
    rows = session.execute(_CLAIM, {"limit": limit, "share": share, "lease": lease, **seats})
    return [ClaimedDelivery(**row) for row in rows.mappings()]


def record_success(session: Session, sent: ClaimedDelivery, status: int) -> bool:
    """Keep that an endpoint took a delivery, and so is well.

    Returns:
        Whether the attempt was still the one under way; else the delivery stays as it is.
    """
    session.execute(_RECOVER, {"endpoint_id": sent.endpoint_id})
    return session.scalar(_SUCCEED, {"id": sent.id, "attempt": sent.attempt, "status": status}) is not None


def record_failure(
    session: Session, sent: ClaimedDelivery, failed: FailedAttempt, policy: RetryPolicy
) -> Setback | None:
    """Keep that an attempt failed, and set the clock for the next one unless it was the last.

    Returns:
        What it led to, or ``None`` when the attempt was not the one under way any more: nothing changed.
    """
    waits = {
        "first_wait": FIRST_WAIT,
        "last_wait": LAST_WAIT,
        "first_rest": FIRST_REST,
        "last_rest": LAST_REST,
    }
    fence = {"endpoint_id": sent.endpoint_id, "id": sent.id, "attempt": sent.attempt}
    values = {**fence, **asdict(failed), **asdict(policy), **waits}
    row = session.execute(_FAIL, values).one_or_none()
    return None if row is None else Setback(row.status == "failed", row.disabled_reason)


def get_delivery(session: Session, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Read one delivery.

    Raises:
        NotFoundError: The endpoint has no such delivery, or it was forgotten.
    """
    delivery = session.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.endpoint_id != endpoint_id:
        raise NotFoundError(f"no delivery {delivery_id}")
    return delivery


def page_deliveries(
    session: Session, endpoint_id: UUID, status: str | None, before_id: UUID | None, limit: int
) -> Sequence[WebhookDelivery]:
    """List up to ``limit`` deliveries to an endpoint, newest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    if before_id is not None:
        query = query.where(WebhookDelivery.id < before_id)
    return session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)).all()


def requeue_delivery(session: Session, endpoint: WebhookEndpoint, delivery_id: UUID) -> WebhookDelivery:
    """Make a delivery due at once, under the same id, whatever became of it; its endpoint need rest no more.

    Raises:
        NotFoundError: The endpoint has no such delivery.
        ConflictError: It is being sent just now.
    """
    delivery = get_delivery(session, endpoint.id, delivery_id)
    session.refresh(delivery, with_for_update=True)
    if delivery.status == "sending":
        raise ConflictError("the delivery is being sent just now; look at it again shortly")
    delivery.status = "pending"
    delivery.next_attempt_at = delivery.requested_at = func.now()
    delivery.finished_at = None
    endpoint.rests_until = None
    session.flush()
    session.refresh(delivery)
    return delivery


def erase_deliveries(session: Session, endpoint_id: UUID) -> None:
    """Delete all that was and was to be sent to an endpoint."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id))


def delete_old_deliveries(session: Session, keep_for: timedelta) -> int:
    """Delete some deliveries that were done or given up longer ago than ``keep_for``.

    Returns:
        How many there were.
    """
    old = select(WebhookDelivery.id).where(WebhookDelivery.finished_at < func.now() - keep_for).limit(DELETE_AT_ONCE)
    chosen = WebhookDelivery.id.in_(old.with_for_update(skip_locked=True))
    return len(session.scalars(delete(WebhookDelivery).where(chosen).returning(WebhookDelivery.id)).all())


def measure_webhooks(session: Session) -> WebhookMeasure:
    """Count what waits and what fails."""
    pending, oldest_s, failing = session.execute(_MEASURE, {"failing": FAILING}).one()
    return WebhookMeasure(pending, max(0.0, float(oldest_s)), failing)
