"""``/metrics``: what the API's processes count, for Prometheus. It needs no key: it says nothing of any customer."""

from flask import Blueprint, Flask, Response, request
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics
from prometheus_flask_exporter.multiprocess import GunicornInternalPrometheusMetrics

from ticketflow.observability.metrics import begin_at_zero
from ticketflow.observability.shared_metrics import is_sharing
from ticketflow.workflow.graph import LINEAGE

# Anybody may send any word as a method; only these become labels.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Shared(GunicornInternalPrometheusMetrics):
    """The numbers of all of gunicorn's processes, without the exporter's own: that one would carry process ids."""

    def info(self, *_: object, **__: object) -> None:
        """Leave it out."""


def install_metrics(app: Flask) -> None:
    """Count the requests of an application, and serve all numbers; before ``install_auth``, to count refusals too."""
    begin_at_zero(LINEAGE.steps)

    @app.before_request
    def skip_odd_methods() -> None:
        if request.method not in METHODS:
            request.prom_do_not_track = True  # type: ignore[attr-defined]  # what the exporter's own do_not_track sets

    blp = Blueprint("metrics", __name__)
    if is_sharing():
        metrics = _Shared(None, path=None, group_by="url_rule")
    else:
        registry = CollectorRegistry()  # an application's own: a test makes many
        registry.register(REGISTRY)  # it collects like any collector
        metrics = PrometheusMetrics(None, path=None, group_by="url_rule", registry=registry)

    @blp.get("/metrics")
    @metrics.do_not_track()
    def show() -> Response:
        text, content_type = metrics.generate_metrics(request.headers.get("Accept"))
        return Response(text, content_type=content_type)

    metrics.init_app(app)
    app.register_blueprint(blp)
