"""What Prometheus is given and what it makes of it, as the tests of dashboards and alerts read it."""

import re
from typing import Any

import yaml

from tests.harness.processes import REPOSITORY
from ticketflow.monitoring.system_metrics import SystemCollector
from ticketflow.observability.metrics import METRICS

PROMETHEUS = REPOSITORY / "deploy/prometheus"
_NAME = re.compile(
    r"\b(?:ticketflow:[\w:]+|(?:ticketflow|celery|flower|flask|rabbitmq|process|scrape)_\w+|up\b|ALERTS\b)"
)
_ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}

OURS = {
    family.name + ending
    for metric in (*(metric for metric, _ in METRICS), SystemCollector(lambda: None))
    for family in metric.describe()
    for ending in _ENDINGS[family.type]
}
# What the others serve; `make drills` asks the live ones for everything a dashboard asks.
THEIRS = {
    "celery_task_failed_total",
    "celery_task_rejected_total",
    "celery_task_retried_total",
    "celery_task_runtime_bucket",
    "celery_task_succeeded_total",
    "celery_worker_up",
    "flask_http_request_duration_seconds_bucket",
    "flask_http_request_duration_seconds_count",
    "flower_events_total",
    "flower_worker_number_of_currently_executing_tasks",
    "flower_worker_online",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "rabbitmq_alarms_file_descriptor_limit",
    "rabbitmq_alarms_free_disk_space_watermark",
    "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_channels",
    "rabbitmq_connections",
    "rabbitmq_detailed_queue_consumers",
    "rabbitmq_detailed_queue_messages",
    "rabbitmq_detailed_queue_messages_ready",
    "rabbitmq_detailed_queue_messages_unacked",
    "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes",
    "rabbitmq_global_messages_acknowledged_total",
    "rabbitmq_global_messages_confirmed_total",
    "rabbitmq_global_messages_dead_lettered_rejected_total",
    "rabbitmq_global_messages_delivered_total",
    "rabbitmq_global_messages_received_total",
    "rabbitmq_global_messages_redelivered_total",
    "rabbitmq_global_messages_unroutable_dropped_total",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_queues",
    "rabbitmq_resident_memory_limit_bytes",
}
# What Prometheus knows by itself.
BUILT_IN = {"ALERTS", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "up"}

RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
KNOWN = OURS | THEIRS | BUILT_IN | {rule["record"] for rule in RULES if "record" in rule}


def find_metrics(expression: str) -> set[str]:
    """Return the metrics an expression names; what stands in quotes is a label's value, or a pattern of names."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', "", expression)))
