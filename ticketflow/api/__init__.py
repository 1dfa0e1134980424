"""The REST API: parses a request, calls one use case, answers. Nothing here decides anything about a ticket."""

from flask import Flask

from ticketflow.api import articles, corrections, docs, health, operations, pauses, tickets, webhooks
from ticketflow.api.auth import install_auth
from ticketflow.api.backend import EXTENSION, Backend, build_backend
from ticketflow.api.metrics import install_metrics
from ticketflow.api.openapi import build_openapi
from ticketflow.api.problems import install_problems
from ticketflow.api.request_log import install_request_log

__all__ = ["Backend", "create_app"]


def create_app(backend: Backend | None = None) -> Flask:
    """Build the WSGI application.

    Without a backend it takes this process's runtime and, unless ``TICKETFLOW_DISPATCHER`` is
    off, starts a dispatcher thread at once. A thread does not survive a fork: a pre-forking
    server must load the application in each worker (gunicorn's ``preload_app`` stays off).
    """
    backend = backend or build_backend()
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = app.json.ensure_ascii = False  # type: ignore[attr-defined]  # on Flask's default provider
    app.config["MAX_CONTENT_LENGTH"] = backend.settings.max_body_bytes
    app.extensions[EXTENSION] = backend
    install_request_log(app)
    install_metrics(app)
    install_problems(app)
    install_auth(app)
    api = build_openapi(app)
    for resource in (tickets, operations, pauses, articles, corrections, webhooks, health):
        api.register_blueprint(resource.blp)
    app.register_blueprint(docs.blp)
    return app
