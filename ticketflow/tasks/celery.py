"""The Celery app; ``celery -A ticketflow.tasks …`` finds it here."""

from typing import Any

from celery import Celery, signals

from ticketflow.errors import ConfigurationError
from ticketflow.observability.logging import configure_logging
from ticketflow.observability.metrics import serve_metrics
from ticketflow.services.tools import check_engine, warm_up
from ticketflow.settings import load_settings
from ticketflow.tasks import threads  # noqa: F401  # its pool takes the place of Celery's
from ticketflow.tasks.canary import CanaryStep
from ticketflow.tasks.dispatcher import DispatcherStep
from ticketflow.tasks.runtime import forget_runtime, runtime

app = Celery("ticketflow.tasks")
app.config_from_object("celeryconfig")
app.steps["worker"].update({DispatcherStep, CanaryStep})


@signals.setup_logging.connect
def use_our_logging(**_: Any) -> None:
    """Put Celery's log lines through our pipe."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)


@signals.worker_init.connect
def make_ready(sender: Any, **_: Any) -> None:
    """End a worker that could only park tickets, with one line that says why; load what the others think with.

    Loading takes seconds, which the first steps' leases need not pay for. A prefork worker leaves it
    to its children.
    """
    try:
        check_engine(load_settings())
        if "prefork" not in str(sender.pool_cls):
            warm_up(runtime().tools)
    except ConfigurationError as error:
        raise SystemExit(f"error: {error}") from None


@signals.worker_ready.connect
def show_numbers(**_: Any) -> None:
    """Let Prometheus read what this worker counts."""
    settings = load_settings()
    if settings.metrics_port is not None:
        serve_metrics(settings.host, settings.metrics_port)


@signals.worker_process_init.connect
def start_afresh(**_: Any) -> None:
    """Give a forked pool child database connections of its own."""
    forget_runtime()
