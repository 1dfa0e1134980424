"""Numbers this process counts for Prometheus. Labels take their values from closed sets: no ticket adds a series."""

from collections.abc import Sequence
from itertools import product
from typing import Any, TypeVar, get_args

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)

import ticketflow
from ticketflow.mail.machine import REASONS
from ticketflow.observability.logging import get_logger
from ticketflow.workflow.approval import Action
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, Unchanged
from ticketflow.workflow.ports import HANDOVERS
from ticketflow.workflow.state import PRIORITIES, LlmStep, Resolution
from ticketflow.workflow.transitions import Status

log = get_logger(__name__)

AnyMetric = TypeVar("AnyMetric", Counter, Gauge, Histogram)

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began is of no use to anybody, and doubles their number

STEPS: Sequence[str] = ()
"""Stands for all steps: the graph alone knows them, so ``begin_at_zero`` is told."""
MODEL_STEPS = get_args(LlmStep)
OUTCOMES = (*get_args(Resolution), Status.FAILED.value, Status.CANCELLED.value)
STEP_OUTCOMES = tuple(each.label for each in (Committed, *Unchanged, Retrying, Failed))
OTHER = "other"
ERRORS = (
    "BadModelOutputError",
    "ConfigurationError",
    "ConnectionError",
    "InvalidInputError",
    "ModelBusyError",
    "ModelUnavailableError",
    "OperationalError",
    "PermanentError",
    "TimeoutError",
    "TransientError",
    "WorkerDiedError",
    OTHER,
)
MODEL_CALL_OUTCOMES = ("valid", "invalid", "down", "put_off", "kept")
EXPIRED = "expired"
DECISIONS = (*get_args(Action), EXPIRED)
DELIVERY_OUTCOMES = ("delivered", "retrying", "failed")

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_THOUGHT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_WAITED_S = (*_THOUGHT_S, 5 * _MINUTE, 15 * _MINUTE)
_TICKET_S = (
    *(0.25, 0.5, 1, 2.5, 5, 10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 4 * _HOUR, 12 * _HOUR, _DAY),
)
_DECIDED_S = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY)

Metric = Counter | Gauge | Histogram
METRICS: list[tuple[Metric, dict[str, Sequence[str]]]] = []
"""Every metric with what each of its labels may say."""
COUNTED_BY: dict[Metric, str] = {}
"""Which processes count it. Dispatchers and what delivers webhooks live in API processes and workers with threads."""
_API, _WORKER, _DISPATCHER, _ALL = "API", "worker", "dispatcher", "all"


def _counter(name: str, help_text: str, counted_by: str, **labels: Sequence[str]) -> Counter:
    return _keep(Counter(name, help_text, list(labels)), counted_by, labels)


def _histogram(
    name: str, help_text: str, counted_by: str, buckets: Sequence[float], **labels: Sequence[str]
) -> Histogram:
    return _keep(Histogram(name, help_text, list(labels), buckets=buckets), counted_by, labels)


def _gauge(name: str, help_text: str, counted_by: str, **labels: Sequence[str]) -> Gauge:
    return _keep(Gauge(name, help_text, list(labels), multiprocess_mode="max"), counted_by, labels)


def _keep(metric: AnyMetric, counted_by: str, labels: dict[str, Sequence[str]]) -> AnyMetric:
    METRICS.append((metric, labels))
    COUNTED_BY[metric] = counted_by
    return metric


BUILD_INFO = _gauge("ticketflow_build_info", "1; which version runs", _ALL, version=(ticketflow.__version__,))

SUBMITTED = _counter(
    "ticketflow_tickets_submitted", "Tickets accepted, by the priority asked for", _API, priority=PRIORITIES
)
FINISHED = _counter(
    "ticketflow_tickets_finished",
    "Tickets that ended; one that is taken up again ends again",
    f"{_WORKER}; {_API} for cancelled",
    outcome=OUTCOMES,
)
IGNORED = _counter(
    "ticketflow_tickets_ignored",
    "Tickets that ended without a letter, by why nobody need answer them",
    _WORKER,
    reason=REASONS,
)
ESCALATED = _counter(
    "ticketflow_tickets_escalated",
    "Tickets that went to a person at once, by why no article may answer them",
    _WORKER,
    reason=HANDOVERS,
)
TICKET_DURATION = _histogram(
    "ticketflow_ticket_duration_seconds",
    "From accepting a ticket to its end, waiting for a person included",
    f"{_WORKER}; {_API} for cancelled",
    _TICKET_S,
    outcome=OUTCOMES,
)

STEPS_RUN = _counter(
    "ticketflow_steps", "Step messages worked off, by what came of them", _WORKER, step=STEPS, outcome=STEP_OUTCOMES
)
STEP_DURATION = _histogram(
    "ticketflow_step_duration_seconds",
    "Thinking of one step, failed attempts included",
    _WORKER,
    _THOUGHT_S,
    step=STEPS,
)
STEP_FAILURES = _counter(
    "ticketflow_step_failures",
    "Attempts of a step that failed, by the class of the error",
    _WORKER,
    step=STEPS,
    error=ERRORS,
)
QUEUE_WAIT = _histogram(
    "ticketflow_queue_wait_seconds",
    "From sending a step's message to a worker's claim",
    _WORKER,
    _WAITED_S,
    step=STEPS,
)
STALE_COMMITS = _counter(
    "ticketflow_stale_commits",
    "Results that changed nothing because their lease was lost: cancelled, taken over, or too slow",
    _WORKER,
    step=STEPS,
)

CHAINS_PUBLISHED = _counter(
    "ticketflow_chains_published",
    "Chains the broker confirmed: a first time, or again because no worker claimed them in time",
    _DISPATCHER,
    kind=("first", "again"),
)
PUBLISH_FAILURES = _counter(
    "ticketflow_publish_failures",
    "Times the broker could not be reached, or did not confirm a chain in time",
    _DISPATCHER,
)
LEASES_EXPIRED = _counter(
    "ticketflow_leases_expired", "Leases that ran out: their worker died, froze or was too slow", _DISPATCHER
)
DISPATCHER_LAST_PASS = _gauge(
    "ticketflow_dispatcher_last_pass_timestamp_seconds",
    "When this process's dispatcher last looked for due tickets, with the broker there; 0 without a dispatcher",
    _DISPATCHER,
)
APPROVAL_WAIT = _histogram(
    "ticketflow_approval_wait_seconds",
    "From asking a person about a draft to their decision, or to the end of their time",
    f"{_API}; {_DISPATCHER} for expired",
    _DECIDED_S,
    action=DECISIONS,
)

MODEL_CALLS = _counter(
    "ticketflow_model_calls",
    "Questions to a chat model: valid, invalid (asked again), down, put_off (tried again later), or kept from before",
    _WORKER,
    step=MODEL_STEPS,
    outcome=MODEL_CALL_OUTCOMES,
)
MODEL_TOKENS = _counter(
    "ticketflow_model_tokens",
    "Tokens a chat model read (input) and wrote (output)",
    _WORKER,
    step=MODEL_STEPS,
    direction=("input", "output"),
)
MODEL_COST = _counter(
    "ticketflow_model_cost_usd", "What a chat model cost, in US dollars, by the prices set", _WORKER, step=MODEL_STEPS
)
MODEL_FALLBACKS = _counter(
    "ticketflow_model_fallbacks",
    "Questions a chat model did not answer, so that the embedded engine spoke",
    _WORKER,
    step=MODEL_STEPS,
)

WEBHOOK_DELIVERIES = _counter(
    "ticketflow_webhook_deliveries",
    "Attempts to deliver a webhook: delivered, retrying, or failed for good",
    _DISPATCHER,
    outcome=DELIVERY_OUTCOMES,
)


def drop_metrics() -> None:
    """Drop every series with labels, so that it is made anew: where numbers are kept has changed."""
    for metric, labels in METRICS:
        if labels:
            metric.clear()


def begin_at_zero(steps: Sequence[str]) -> None:
    """Let every series begin at 0: a counter that first appears at 1 has no increase.

    Args:
        steps: Names of all steps.
    """
    for metric, labels in METRICS:
        if labels:
            for values in product(*(allowed or steps for allowed in labels.values())):
                metric.labels(*values)
    show_version()


def show_version() -> None:
    """Let the numbers say which version counted them."""
    BUILD_INFO.labels(ticketflow.__version__).set(1)


def count_end(outcome: str, age_s: float, reason: str | None = None) -> None:
    """Count a ticket that has come to its end, so many seconds after it was accepted; and why, where that is known."""
    if reason:
        (ESCALATED if reason in HANDOVERS else IGNORED).labels(reason).inc()
    FINISHED.labels(outcome).inc()
    TICKET_DURATION.labels(outcome).observe(age_s)


def name_error(error: Exception) -> str:
    """Return what a label says of an error: its class, or the nearest parent with a name in ``ERRORS``."""
    return next((each.__name__ for each in type(error).__mro__ if each.__name__ in ERRORS), OTHER)


def serve_metrics(host: str, port: int, registry: CollectorRegistry = REGISTRY) -> Any:
    """Serve numbers over HTTP from a thread; a port that is taken costs the metrics, not the process.

    Returns:
        The server, or ``None`` without a port.
    """
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        log.warning("metrics.not_served", port=port, error=str(error))
        return None
    return server
