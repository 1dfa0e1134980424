"""Probes: is the process alive, and can it do its work."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.api.backend import backend
from ticketflow.api.fields import ShownSchema
from ticketflow.api.openapi import Blueprint
from ticketflow.errors import TicketFlowError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.migrate import USABLE, find_schema_age

log = get_logger(__name__)

blp = Blueprint("health", __name__, description="Probes; they need no key")

_OPEN: list[dict[str, list[str]]] = []


class AliveSchema(ShownSchema):
    """The process answers."""

    status = fields.String(required=True, validate=validate.Equal("alive"))


class CheckSchema(ShownSchema):
    """Whether one thing this process needs is there."""

    status = fields.String(required=True, validate=validate.OneOf(["ok", "failed"]))
    detail = fields.String(metadata={"description": "What is wrong."})


class ChecksSchema(ShownSchema):
    """Everything this process needs."""

    database = fields.Nested(CheckSchema, required=True)
    broker = fields.Nested(CheckSchema, required=True)


class ReadySchema(ShownSchema):
    """Whether the process can do its work."""

    status = fields.String(required=True, validate=validate.OneOf(["ready", "degraded", "unavailable"]))
    checks = fields.Nested(ChecksSchema, required=True)


@blp.route("/healthz")
class Alive(MethodView):
    """Liveness."""

    @blp.response(200, AliveSchema)
    @blp.doc(security=_OPEN)
    def get(self) -> dict[str, str]:
        """Tell that the process answers; looks at nothing else."""
        return {"status": "alive"}


@blp.route("/readyz")
class Ready(MethodView):
    """Readiness."""

    @blp.response(200, ReadySchema)
    @blp.alt_response(503, schema=ReadySchema, description="Tickets cannot be accepted", success=True)
    @blp.doc(security=_OPEN)
    def get(self) -> tuple[dict[str, Any], int]:
        """Tell whether tickets can be accepted and worked on.

        Without the broker tickets are still accepted, and start once it is back: `degraded`.
        """
        database = _look(_check_database, "does not answer")
        broker = _look(backend().check_broker, "does not answer; tickets are accepted and start when it does")
        checks = {"database": database, "broker": broker}
        if database["status"] != "ok":
            return {"status": "unavailable", "checks": checks}, HTTPStatus.SERVICE_UNAVAILABLE
        return {"status": "ready" if broker["status"] == "ok" else "degraded", "checks": checks}, HTTPStatus.OK


def _check_database() -> str | None:
    engine = backend().sessions.kw["bind"]
    is_usable = find_schema_age(engine) in USABLE
    return None if is_usable else "its schema is not the one this version needs; run `ticketflow db upgrade`"


def _look(check: Callable[[], str | None], away: str) -> dict[str, str]:
    """Run a check; addresses and causes go to the log only, because anybody may ask."""
    try:
        fault = check()
    except (SQLAlchemyError, TicketFlowError) as error:
        log.warning("readiness.failed", error=f"{type(error).__name__}: {error}")
        fault = away
    return {"status": "failed", "detail": fault} if fault else {"status": "ok"}
