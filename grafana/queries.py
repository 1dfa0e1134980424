"""The PromQL that panels have in common."""

# Grafana's: four scrapes or more, whatever the zoom.
_LATELY = "$__rate_interval"

# Our tasks and queues and nobody else's: workers, Flower and the exporter have queues of their own.
TASKS = 'name=~"ticketflow[.]steps[.].+"'
STEP_QUEUES = 'queue=~"steps[.]($step)"'
QUEUES = 'queue=~"$queue"'


def rate(counter: str, by: str, where: str = "") -> str:
    """Return how much a counter grows in a second, by some labels."""
    return f"sum by ({by}) (rate({counter}{{{where}}}[{_LATELY}]))"


def total_rate(counter: str, where: str = "") -> str:
    """Return how much a counter grows in a second, over all series."""
    return f"sum(rate({counter}{{{where}}}[{_LATELY}]))"


def per_minute(expr: str) -> str:
    """Return a rate in a minute instead of a second."""
    return f"{expr} * 60"


def grown(counter: str, by: str, where: str = "", within: str = "5m") -> str:
    """Return how much a counter grew lately. Its series must begin at 0, as ours do."""
    return f"sum by ({by}) (increase({counter}{{{where}}}[{within}]))"


def grown_from_nowhere(counter: str, by: str, where: str) -> str:
    """Return how much a counter grew in five minutes whose series begin at 1, as those of the Celery exporter do.

    ``increase()`` is 0 for a series that first appears at 1, and each worker and each kind of exception is a series of
    its own: the faults would not show. Sums are compared instead; they shrink with a restart of the exporter. Of the
    minute before, the highest counts, so that one scrape that failed does not look like no faults at all.
    """
    now = f"sum by ({by}) ({counter}{{{where}}})"
    then = f"sum by ({by}) (max_over_time({counter}{{{where}}}[1m] offset 5m))"
    return f"clamp_min({now} - ({then} or {now} * 0), 0)"


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """Return the value that a share of the observations did not exceed."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, where)})"


def heat(histogram: str, where: str = "") -> str:
    """Return how many observations fell into each bucket, for a heatmap."""
    return f"sum by (le) (increase({histogram}_bucket{{{where}}}[{_LATELY}]))"
