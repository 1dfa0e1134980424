"""What a worker counts, served over HTTP: its own numbers, or those of its children added up."""

from typing import Any

from billiard import current_process
from celery import signals

from ticketflow.observability.metrics import begin_at_zero, forget_numbers, serve_metrics
from ticketflow.observability.shared_metrics import build_registry, is_sharing, share_metrics
from ticketflow.own_folders import keep_folder
from ticketflow.settings import load_settings
from ticketflow.workflow.plan import ticket_plan

_server: Any = None


@signals.worker_init.connect
def prepare_numbers(sender: Any, **_: Any) -> None:
    """Let every number begin at 0; in a worker with child processes, in files that they share."""
    if load_settings().metrics_port is not None and "prefork" in str(sender.pool_cls):
        share_metrics(keep_folder("metrics"), _find_place)
        forget_numbers()
    begin_at_zero(ticket_plan().order)


@signals.worker_ready.connect
def show_numbers(**_: Any) -> None:
    """Let Prometheus read them."""
    global _server  # noqa: PLW0603  # one per process is the point
    settings = load_settings()
    if settings.metrics_port is not None:
        registry = {"registry": build_registry()} if is_sharing() else {}
        _server = serve_metrics(settings.host, settings.metrics_port, **registry)


@signals.worker_process_init.connect
def let_go_of_port(**_: Any) -> None:
    """Close what a pool child inherits of its parent's server: a child left behind must not hold the port."""
    if _server is not None:
        _server.socket.close()


def _find_place() -> int | None:
    """Return a pool child's place in the pool, which its successor takes; ``None`` is the worker's main process."""
    place: int | None = getattr(current_process(), "index", None)
    return place
