"""The Celery app; ``celery -A ticketflow.tasks …`` finds it here."""

from typing import Any

from celery import Celery, signals

from ticketflow.observability.logging import configure_logging
from ticketflow.settings import load_settings
from ticketflow.tasks.dispatcher import DispatcherStep
from ticketflow.tasks.runtime import forget_runtime

app = Celery("ticketflow.tasks")
app.config_from_object("celeryconfig")
app.steps["worker"].add(DispatcherStep)


@signals.setup_logging.connect
def use_our_logging(**_: Any) -> None:
    """Put Celery's log lines through our pipe."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)


@signals.worker_process_init.connect
def start_afresh(**_: Any) -> None:
    """Give a forked pool child database connections of its own."""
    forget_runtime()
