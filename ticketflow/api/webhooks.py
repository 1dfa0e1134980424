"""Webhooks: endpoints that are told when a ticket ends or waits for a person, and their deliveries."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask.views import MethodView

from ticketflow.api.auth import current_caller
from ticketflow.api.backend import backend
from ticketflow.api.conditional import ETAG_HEADER, IF_MATCH, build_etag, read_if_match
from ticketflow.api.openapi import Blueprint
from ticketflow.api.paging import LINK_HEADER, answer_page
from ticketflow.api.webhook_schemas import (
    WEBHOOK,
    DeliveryPageQuery,
    DeliveryPageSchema,
    DeliverySchema,
    NewWebhookSchema,
    WebhookChangeSchema,
    WebhookListSchema,
    WebhookSchema,
    WebhookWithSecretSchema,
)
from ticketflow.services.webhooks import (
    change_secret,
    create_webhook,
    delete_webhook,
    read_deliveries,
    read_delivery,
    read_webhook,
    read_webhooks,
    redeliver,
    send_test,
    update_webhook,
)
from ticketflow.storage.models import WebhookDelivery, WebhookEndpoint
from ticketflow.storage.webhooks import EndpointChange, NewEndpoint

Answer = tuple[WebhookEndpoint | WebhookDelivery, int, dict[str, str]]

blp = Blueprint("webhooks", __name__, url_prefix="/webhooks", description="Who is told when something happens")


@blp.route("")
class Webhooks(MethodView):
    """All endpoints."""

    @blp.arguments(NewWebhookSchema, example=WEBHOOK)
    @blp.response(201, WebhookWithSecretSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 409, 413, 415, 503)
    def post(self, new: NewEndpoint) -> Answer:
        """Register an endpoint; the answer alone has its secret."""
        caller, allow_private = current_caller(), backend().settings.webhook_allow_private
        webhook = create_webhook(backend().sessions, caller.tenant, new, allow_private=allow_private)
        location = url_for("webhooks.webhook", webhook_id=webhook.id)
        return webhook, HTTPStatus.CREATED, {"Location": location, **build_etag(webhook.version)}

    @blp.response(200, WebhookListSchema)
    @blp.problems(401, 503)
    def get(self) -> dict[str, Any]:
        """List your endpoints."""
        return {"webhooks": read_webhooks(backend().sessions, current_caller().tenant)}


@blp.route("/<uuid:webhook_id>", endpoint="webhook")
class Webhook(MethodView):
    """One endpoint."""

    @blp.response(200, WebhookSchema, headers=ETAG_HEADER)
    @blp.problems(401, 404, 503)
    def get(self, webhook_id: UUID) -> Answer:
        """Show an endpoint and how it does."""
        webhook = read_webhook(backend().sessions, current_caller().tenant, webhook_id)
        # No 304 for a known version: failures come and go without one.
        return webhook, HTTPStatus.OK, build_etag(webhook.version)

    @blp.arguments(WebhookChangeSchema, example={"enabled": True})
    @blp.response(200, WebhookSchema, headers=ETAG_HEADER)
    @blp.problems(400, 401, 404, 409, 412, 413, 415, 503)
    @blp.header(IF_MATCH)
    def patch(self, change: EndpointChange, webhook_id: UUID) -> Answer:
        """Change an endpoint, or switch it off and on."""
        owner, allow_private = (current_caller().tenant, webhook_id), backend().settings.webhook_allow_private
        webhook = update_webhook(backend().sessions, owner, read_if_match(), change, allow_private=allow_private)
        return webhook, HTTPStatus.OK, build_etag(webhook.version)

    @blp.response(204)
    @blp.problems(401, 404, 503)
    def delete(self, webhook_id: UUID) -> Response:
        """Delete an endpoint and its deliveries; what waits is not sent any more."""
        delete_webhook(backend().sessions, current_caller().tenant, webhook_id)
        return Response(status=HTTPStatus.NO_CONTENT)


@blp.route("/<uuid:webhook_id>/rotate-secret")
class WebhookSecret(MethodView):
    """The secret of one endpoint."""

    @blp.response(200, WebhookWithSecretSchema, headers=ETAG_HEADER)
    @blp.problems(401, 404, 503)
    def post(self, webhook_id: UUID) -> Answer:
        """Make a new secret; for a day deliveries are signed with the old one too."""
        webhook = change_secret(backend().sessions, current_caller().tenant, webhook_id)
        return webhook, HTTPStatus.OK, build_etag(webhook.version)


@blp.route("/<uuid:webhook_id>/test")
class WebhookTest(MethodView):
    """A try of one endpoint."""

    @blp.response(202, DeliverySchema)
    @blp.problems(401, 404, 409, 503)
    def post(self, webhook_id: UUID) -> Answer:
        """Send the endpoint a `webhook.test`; `Location` tells what becomes of it."""
        return _accept(webhook_id, send_test(backend().sessions, current_caller().tenant, webhook_id))


@blp.route("/<uuid:webhook_id>/deliveries")
class Deliveries(MethodView):
    """All deliveries to one endpoint."""

    @blp.arguments(DeliveryPageQuery, location="query")
    @blp.response(200, DeliveryPageSchema, headers=LINK_HEADER)
    @blp.problems(401, 404, 503)
    def get(self, page: dict[str, Any], webhook_id: UUID) -> Response:
        """List deliveries, newest first."""
        owner = current_caller().tenant, webhook_id
        found, has_more = read_deliveries(backend().sessions, owner, page["status"], page["cursor"], page["limit"])
        return answer_page("deliveries", DeliverySchema(), found, has_more=has_more)


@blp.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>", endpoint="delivery")
class Delivery(MethodView):
    """One delivery."""

    @blp.response(200, DeliverySchema)
    @blp.problems(401, 404, 503)
    def get(self, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
        """Show a delivery and what became of it."""
        return read_delivery(backend().sessions, current_caller().tenant, webhook_id, delivery_id)


@blp.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver")
class Redelivery(MethodView):
    """Another go at one delivery."""

    @blp.response(202, DeliverySchema)
    @blp.problems(401, 404, 409, 503)
    def post(self, webhook_id: UUID, delivery_id: UUID) -> Answer:
        """Send a delivery again at once, under the same id, whatever became of it."""
        return _accept(webhook_id, redeliver(backend().sessions, current_caller().tenant, webhook_id, delivery_id))


def _accept(webhook_id: UUID, delivery: WebhookDelivery) -> Answer:
    location = url_for("webhooks.delivery", webhook_id=webhook_id, delivery_id=delivery.id)
    return delivery, HTTPStatus.ACCEPTED, {"Location": location}
