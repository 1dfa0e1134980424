"""Numbers this process counts for Prometheus."""

from prometheus_client import Counter, start_http_server

from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

STALE_COMMITS = Counter(
    "ticketflow_stale_commits",
    "Results that changed nothing because their lease was lost: cancelled, taken over, or too slow",
    ["step"],
)
MODEL_CALLS = Counter(
    "ticketflow_model_calls",
    "Questions to a chat model: valid, invalid (asked again), down, put_off (tried again later), or kept from before",
    ["step", "outcome"],
)
MODEL_CALL_OUTCOMES = ("valid", "invalid", "down", "put_off", "kept")
MODEL_TOKENS = Counter(
    "ticketflow_model_tokens", "Tokens a chat model read (input) and wrote (output)", ["step", "direction"]
)
MODEL_COST = Counter("ticketflow_model_cost_usd", "What a chat model cost, in US dollars, by the prices set", ["step"])
MODEL_FALLBACKS = Counter(
    "ticketflow_model_fallbacks", "Questions a chat model did not answer, so that the embedded engine spoke", ["step"]
)


def serve_metrics(host: str, port: int) -> None:
    """Serve this process's numbers over HTTP from a thread; a port that is taken costs the metrics, not the process."""
    try:
        start_http_server(port, host)
    except OSError as error:
        log.warning("metrics.not_served", port=port, error=str(error))
