"""The product's Celery app, with everything operators see turned off where ``BENCHMARK_OBSERVED=0`` says so.

Metrics and Celery's events have no setting that turns them off: nobody needs one (see ``observability``).
"""

import os
from contextlib import nullcontext

from prometheus_client import Counter, Gauge, Histogram

from ticketflow.tasks import app

__all__ = ["app"]


def turn_off() -> None:
    """Count nothing and tell Flower nothing."""
    app.conf.worker_send_task_events = app.conf.task_send_sent_event = False
    for kind in (Counter, Gauge, Histogram):
        kind.labels = lambda self, *_: self
    Counter.inc = Gauge.set = Gauge.set_to_current_time = Histogram.observe = lambda *_: None
    Histogram.time = lambda _: nullcontext()


if os.environ.get("BENCHMARK_OBSERVED") == "0":
    turn_off()
