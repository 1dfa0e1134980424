"""``ticketflow dispatcher``: what API processes and workers do beside their work, and nothing else."""

import os
import socket
from contextlib import ExitStack

import click

from ticketflow.cli.stopping import wait_for_signal
from ticketflow.cli.terminal import say
from ticketflow.observability.context import name_process
from ticketflow.observability.logging import configure_logging
from ticketflow.observability.metrics import begin_at_zero, serve_metrics
from ticketflow.observability.tracing import start_tracing, stop_tracing
from ticketflow.settings import load_settings
from ticketflow.tasks import app
from ticketflow.tasks.deliverer import build_deliverer
from ticketflow.tasks.dispatcher import build_dispatcher
from ticketflow.tasks.log_levels import LevelWatch
from ticketflow.tasks.runtime import runtime
from ticketflow.workflow.graph import LINEAGE


@click.command()
def dispatcher() -> None:
    """Publish due tickets and deliver webhooks, and nothing else. Ctrl-C stops it.

    For where API and workers are told not to (TICKETFLOW_DISPATCHER=false), or are workers with
    child processes, which cannot. Any number may run. With TICKETFLOW_METRICS_PORT it serves
    metrics for Prometheus.
    """
    settings = load_settings()
    name = f"dispatcher-{os.getpid()}@{socket.gethostname()}"
    name_process(name)
    configure_logging(settings.log_level, settings.log_format)
    begin_at_zero(LINEAGE.steps)
    if settings.metrics_port is not None:
        serve_metrics(settings.host, settings.metrics_port)
    start_tracing(name)
    LevelWatch(runtime().sessions, settings.log_level).start()
    with ExitStack() as running:
        running.callback(stop_tracing)
        for part in (build_dispatcher(app), build_deliverer()):
            part.start()
            running.callback(part.stop)
        say("dispatching")
        wait_for_signal()
