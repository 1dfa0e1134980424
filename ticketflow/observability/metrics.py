"""Numbers this process counts for Prometheus."""

from prometheus_client import Counter

STALE_COMMITS = Counter(
    "ticketflow_stale_commits",
    "Results that changed nothing because their lease was lost: cancelled, taken over, or too slow",
    ["step"],
)
