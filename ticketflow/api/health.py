"""Probes: is the process alive, and can it do its work."""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import current_app
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.api.backend import backend
from ticketflow.api.fields import ShownSchema
from ticketflow.api.openapi import Blueprint
from ticketflow.errors import TicketFlowError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.migrate import USABLE, find_schema_age
from ticketflow.storage.refusals import AWAY, describe_refusal, explain_refusal
from ticketflow.storage.writability import check_writable

log = get_logger(__name__)

Look = tuple[dict[str, Any], int]

EXTENSION = "ticketflow.readiness"
FRESH_S = 1.0

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
        readiness: Readiness = current_app.extensions.setdefault(EXTENSION, Readiness())
        return readiness.look(_check_all)


class Readiness:
    """The last look at what the process needs. Anybody may ask, so there is one look at a time, and one a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without having looked; ``clock`` tells seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Look | None = None
        self._seen_at_s = 0.0

    def look(self, check: Callable[[], Look]) -> Look:
        """Look again unless somebody just did, or is about to: then what was seen last."""
        if not self._lock.acquire(blocking=self._seen is None):
            return self._seen or check()
        try:
            if self._seen is None or self._clock() - self._seen_at_s >= FRESH_S:
                self._seen = check()
                self._seen_at_s = self._clock()
            return self._seen
        finally:
            self._lock.release()


def _check_all() -> Look:

    def check_database() -> str | None:
        sessions = backend().sessions
        if find_schema_age(sessions.kw["bind"]) not in USABLE:
            return "its schema is not the one this version needs; run `ticketflow db upgrade`"
        check_writable(sessions)
        return None

    database = _look(check_database)
    broker = _look(backend().check_broker, "does not answer; tickets are accepted and start when it does")
    checks = {"database": database, "broker": broker}
    if database["status"] != "ok":
        return {"status": "unavailable", "checks": checks}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "ready" if broker["status"] == "ok" else "degraded", "checks": checks}, HTTPStatus.OK


def _look(check: Callable[[], str | None], away: str = AWAY) -> dict[str, str]:
    """Run a check; addresses and causes go to the log only, because anybody may ask."""
    try:
        fault = check()
    except (SQLAlchemyError, TicketFlowError) as error:
        log.warning("readiness.failed", error=describe_refusal(error))
        fault = explain_refusal(error) or away
    return {"status": "failed", "detail": fault} if fault else {"status": "ok"}
