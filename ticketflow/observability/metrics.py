"""Numbers this process counts for Prometheus."""

from prometheus_client import Counter, start_http_server

from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

STALE_COMMITS = Counter(
    "ticketflow_stale_commits",
    "Results that changed nothing because their lease was lost: cancelled, taken over, or too slow",
    ["step"],
)


def serve_metrics(host: str, port: int) -> None:
    """Serve this process's numbers over HTTP from a thread; a port that is taken costs the metrics, not the process."""
    try:
        start_http_server(port, host)
    except OSError as error:
        log.warning("metrics.not_served", port=port, error=str(error))
