"""A finding of ``ticketflow doctor``, and the one command that repairs each kind of failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

RUNBOOK = "docs/runbook.md"

_WORKER = "celery -A ticketflow.tasks worker -n"
REPAIRS: Mapping[str, str] = {
    "TicketsNotFlowing": f'{_WORKER} "fresh@%h"',
    "OldestDueTooOld": f'{_WORKER} "more@%h"',
    "CompletionBudgetBurnFast": "celery -A ticketflow.tasks dead replay --all",
    "CompletionBudgetBurnSlow": f'{_WORKER} "more@%h"',
    "DeadLetters": "celery -A ticketflow.tasks dead replay --all",
    "StepFailureRate": 'celery -A ticketflow.tasks tickets pause "$STEP"',
    "WorkerGone": f'{_WORKER} "worker@%h"',
    "StepHangs": f'{_WORKER} "worker@%h"',
    "ConnectedNotConsuming": "celery -A ticketflow.tasks control --timeout 10 shutdown",
    "BrokerAlarm": "rabbitmqctl set_vm_memory_high_watermark 0.6",
    "BrokerAway": "rabbitmq-server -detached",
    "DatabaseAway": 'pg_ctl start -D "$PGDATA"',
    "FallbackInUse": "celery -A ticketflow.tasks control --timeout 10 shutdown",
    "DispatcherLag": f'TICKETFLOW_DISPATCHER=true {_WORKER} "dispatcher@%h"',
    "ClockJumped": "celery -A ticketflow.tasks dispatch",
    "MigrationBehind": "ticketflow db upgrade",
    "WebhookEndpointFailing": 'ticketflow webhooks test "$WEBHOOK"',
    "WebhooksLate": f'TICKETFLOW_DISPATCHER=true {_WORKER} "dispatcher@%h"',
    "ExporterAway": "ticketflow exporter",
    "ApiAway": "gunicorn -c python:ticketflow.server.production wsgi:app",
    "ApiErrors": "ticketflow db upgrade",
    "DiskFillingUp": "find \"$LOGS\" -type f -name '*.log.*' -delete",
    "PauseForgotten": 'celery -A ticketflow.tasks tickets resume "$STEP"',
}
"""The command that the runbook's section on an alert gives; a test keeps the two the same."""


class Severity(StrEnum):
    """How bad a finding is."""

    CRITICAL = "critical"  # tickets stand still, or will not be taken in
    WARNING = "warning"  # somebody should act today
    NOTE = "note"  # good to know; nothing is wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        summary: What it is, in one line.
        command: What to type next.
        see: Page and section that say more.
        alert: The Prometheus alert that tells of the same, if there is one.
    """

    severity: Severity
    summary: str
    command: str
    see: str
    alert: str | None = None


def build_finding(severity: Severity, alert: str, summary: str, command: str | None = None) -> Finding:
    """Build the finding that goes with an alert.

    Args:
        command: What to type next; left out, what the runbook repairs the alert with.
    """
    return Finding(severity, summary, command or REPAIRS[alert], f"{RUNBOOK}#{alert.lower()}", alert)
