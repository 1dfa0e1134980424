"""Who calls: a key in ``Authorization: Bearer``. Checked before anything of the request is read."""

import re

from flask import Flask, Response, g, request

from ticketflow.api.backend import backend
from ticketflow.api.problems import Kind, build_problem
from ticketflow.observability.context import bind
from ticketflow.services.keys import Caller, find_caller
from ticketflow.workflow.state import DEFAULT_TENANT

# Blueprints anybody may use: probes, numbers of the whole system, and the description of the API.
OPEN_BLUEPRINTS = frozenset({"health", "metrics", "docs", "api-docs"})
ANYBODY = Caller(key_id="anybody", tenant=DEFAULT_TENANT)

_KEY = re.compile(r"tf_[0-9A-Za-z]{1,64}_[0-9A-Za-z_-]{1,128}")


def install_auth(app: Flask) -> None:
    """Ask for a key on every route of an application that is not open."""

    @app.before_request
    def authenticate() -> Response | None:
        # A path or method that leads nowhere is answered as such; it tells no more than the public OpenAPI.
        if request.url_rule is None or request.blueprint in OPEN_BLUEPRINTS:
            return None
        caller: Caller | None = ANYBODY
        if backend().settings.auth:
            presented = request.authorization
            token = (presented.token or "") if presented is not None and presented.type == "bearer" else ""
            caller = find_caller(backend().sessions, token) if _KEY.fullmatch(token) else None
        if caller is None:
            # The same for a missing, malformed, unknown and revoked key.
            return build_problem(
                Kind(401), "send a valid API key: Authorization: Bearer tf_…", {"WWW-Authenticate": "Bearer"}
            )
        g.caller = caller
        bind(tenant=caller.tenant)
        return None


def current_caller() -> Caller:
    """Return who sent this request."""
    caller: Caller = g.caller
    return caller
