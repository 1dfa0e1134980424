"""``ticketflow exporter``: what only the database knows, for Prometheus."""

from datetime import timedelta
from functools import partial

import click
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from ticketflow.cli.database import find_database_url
from ticketflow.cli.stopping import wait_for_signal
from ticketflow.cli.terminal import say
from ticketflow.errors import ConfigurationError
from ticketflow.monitoring.system_metrics import SystemCollector, measure_system
from ticketflow.observability.logging import configure_logging
from ticketflow.observability.metrics import BUILD_INFO, show_version
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.session import build_engine
from ticketflow.tasks.runtime import Runtime

DEFAULT_PORT = 9102
STATEMENT_TIMEOUT = timedelta(seconds=5)


@click.command()
@click.option("--host", help="Address to serve on [default: TICKETFLOW_HOST].")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Port to serve on [default: TICKETFLOW_METRICS_PORT, or {DEFAULT_PORT}].",
)
def exporter(host: str | None, port: int | None) -> None:
    """Serve measures of the whole system for Prometheus; one process is enough. Ctrl-C stops it.

    Each scrape runs a few cheap queries. While the database is away, ticketflow_database_up is 0.
    """
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    host, port = host or settings.host, port or settings.metrics_port or DEFAULT_PORT
    try:
        server, _ = start_http_server(port, host, build_registry(settings))
    except OSError as error:
        raise ConfigurationError(f"port {port} on {host}: {error.strerror}; choose another with --port") from None
    say(f"serving metrics on http://{host}:{port}/metrics")
    wait_for_signal()
    server.shutdown()


def build_registry(settings: Settings) -> CollectorRegistry:
    """Gather what is served: measures of the system, and this process's own."""
    engine = build_engine(
        find_database_url(settings), pool_size=1, name="ticketflow exporter", statement_timeout=STATEMENT_TIMEOUT
    )
    alive_for = timedelta(seconds=Runtime(settings).patience_s)
    registry = CollectorRegistry()
    registry.register(SystemCollector(partial(measure_system, engine, alive_for)))
    show_version()
    registry.register(BUILD_INFO)
    ProcessCollector(registry=registry)
    return registry
