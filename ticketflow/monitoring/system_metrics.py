"""Measures of the whole system, which no single process can count, as Prometheus reads them: anew for every scrape."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ticketflow.observability.logging import get_logger
from ticketflow.storage.clocks import count_jumps
from ticketflow.storage.migrate import USABLE, find_schema_age
from ticketflow.storage.models import EVERY_STEP
from ticketflow.storage.statistics import LiveTickets, count_failed, count_pauses, measure_live, measure_size
from ticketflow.storage.webhook_deliveries import WebhookMeasure, measure_webhooks
from ticketflow.storage.workers import Capacity, list_hung, measure_capacity
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.state import PRIORITIES
from ticketflow.workflow.transitions import Status

log = get_logger(__name__)

# Prometheus gives up on a scrape after ten seconds, unless it is told otherwise.
PATIENCE_S = 8.0


@dataclass(frozen=True, slots=True)
class Measures:
    """The whole system at one moment.

    Attributes:
        live: Tickets that have not ended, by status and priority.
        failed: Tickets that failed.
        pauses: Pauses in force by step.
        clock_jumps: Times the database's clock jumped in the last month.
        hung: Steps that do not come back, by their name.
        size_bytes: Room the database takes.
    """

    live: Sequence[LiveTickets]
    failed: int
    pauses: Mapping[str, int]
    capacity: Capacity
    webhooks: WebhookMeasure
    hung: Mapping[str, int]
    clock_jumps: int
    size_bytes: int


def measure_system(engine: Engine, alive_for: timedelta) -> Measures | None:
    """Measure, with a few queries whose cost does not grow with the tickets that have ended.

    Args:
        alive_for: How long a worker counts after it was last seen.

    Returns:
        The measures, or ``None`` while the database lacks migrations that they need.
    """
    if find_schema_age(engine) not in USABLE:
        return None
    with Session(engine) as session:
        return Measures(
            live=measure_live(session),
            failed=count_failed(session),
            pauses=count_pauses(session),
            capacity=measure_capacity(session, alive_for),
            webhooks=measure_webhooks(session),
            hung=Counter(each.step for each in list_hung(session)),
            clock_jumps=count_jumps(session),
            size_bytes=measure_size(session),
        )


@dataclass(frozen=True, slots=True)
class SystemGauge:
    """One gauge of the exporter.

    Attributes:
        read: Finds its values among the measures, by what its label says; those it leaves out are 0.
        label: Its label, if it has one.
        values: What the label may say; without a label, the one value is under ``""``.
    """

    name: str
    help_text: str
    read: Callable[[Measures], Mapping[str, float]]
    label: str | None = None
    values: tuple[str, ...] = field(default=("",))

    def build(self, measures: Measures | None) -> GaugeMetricFamily:
        """Build what Prometheus reads; without measures, the name alone."""
        family = GaugeMetricFamily(self.name, self.help_text, labels=[self.label] if self.label else [])
        found = {} if measures is None else self.read(measures)
        for value in () if measures is None else self.values:
            family.add_metric([value] if self.label else [], found.get(value, 0))
        return family


SYSTEM_GAUGES = (
    SystemGauge(
        "ticketflow_tickets",
        "Tickets that are neither completed nor cancelled; failed ones wait for somebody to repair the cause",
        lambda measures: sum(
            (Counter({row.status: row.count}) for row in measures.live), Counter({str(Status.FAILED): measures.failed})
        ),
        "status",
        (Status.QUEUED, Status.PROCESSING, Status.AWAITING_APPROVAL, Status.FAILED),
    ),
    SystemGauge(
        "ticketflow_backlog",
        "Due tickets that wait for a dispatcher, without those of paused steps",
        lambda measures: {
            name: sum(row.due for row in measures.live if row.priority == priority)
            for priority, name in enumerate(PRIORITIES)
        },
        "priority",
        PRIORITIES,
    ),
    SystemGauge(
        "ticketflow_in_flight",
        "Tickets whose chain is with the broker or a worker",
        lambda measures: {"": sum(row.in_flight for row in measures.live)},
    ),
    SystemGauge(
        "ticketflow_oldest_due_age_seconds",
        "How long the first of the backlog has been due; 0 without one",
        lambda measures: {"": max((row.oldest_due_s for row in measures.live), default=0.0)},
    ),
    SystemGauge(
        "ticketflow_paused",
        "Pauses in force, over all tenants; 'all' is every step",
        lambda measures: dict(measures.pauses),
        "step",
        (*LINEAGE.steps, EVERY_STEP),
    ),
    SystemGauge(
        "ticketflow_workers",
        "Workers that proved lately that they consume",
        lambda measures: {"": measures.capacity.workers},
    ),
    SystemGauge(
        "ticketflow_worker_slots", "Steps these workers run at a time", lambda measures: {"": measures.capacity.slots}
    ),
    SystemGauge(
        "ticketflow_hung_steps",
        "Steps past their time limit whose thread has not come back",
        lambda measures: measures.hung,
        "step",
        tuple(LINEAGE.steps),
    ),
    SystemGauge(
        "ticketflow_webhooks_pending",
        "Webhook deliveries that are not done and not given up",
        lambda measures: {"": measures.webhooks.pending},
    ),
    SystemGauge(
        "ticketflow_webhooks_oldest_due_age_seconds",
        "How long the first delivery has been due at an endpoint that answers; 0 without one",
        lambda measures: {"": measures.webhooks.oldest_due_age_s},
    ),
    SystemGauge(
        "ticketflow_webhook_endpoints_failing",
        "Webhook endpoints whose last attempts all failed",
        lambda measures: {"": measures.webhooks.failing_endpoints},
    ),
    SystemGauge(
        "ticketflow_clock_jumps",
        "How often the database's clock jumped in the last 30 days, by more than two seconds",
        lambda measures: {"": measures.clock_jumps},
    ),
    SystemGauge(
        "ticketflow_database_size_bytes",
        "Room the database takes on its disk",
        lambda measures: {"": measures.size_bytes},
    ),
)
DATABASE_UP = ("ticketflow_database_up", "Whether the database answers; without it there are no other measures")
MIGRATION_BEHIND = (
    "ticketflow_migration_behind",
    "Whether the database lacks a migration that this version needs; run `ticketflow db upgrade`",
)


class SystemCollector(Collector):
    """Measures when it is asked, one measurement at a time; a database that hangs costs a scrape, not the process."""

    def __init__(self, measure: Callable[[], Measures | None], patience_s: float = PATIENCE_S) -> None:
        """Bind to a way to measure.

        Args:
            measure: Gives ``None`` while migrations are missing; raises ``SQLAlchemyError`` without a database.
            patience_s: Seconds to wait for it before the database counts as away.
        """
        self._measure = measure
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._running: Future[Measures | None] | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the gauges without measuring."""
        yield from (GaugeMetricFamily(*DATABASE_UP), GaugeMetricFamily(*MIGRATION_BEHIND))
        yield from (gauge.build(None) for gauge in SYSTEM_GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Measure, and give what was found."""
        try:
            measures = self._start().result(self._patience_s)
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("exporter.database_away", error=type(error).__name__)
            yield GaugeMetricFamily(*DATABASE_UP, value=0)
            return
        yield GaugeMetricFamily(*DATABASE_UP, value=1)
        yield GaugeMetricFamily(*MIGRATION_BEHIND, value=measures is None)
        if measures is not None:
            yield from (gauge.build(measures) for gauge in SYSTEM_GAUGES)

    def _start(self) -> Future[Measures | None]:
        """Begin to measure in a thread, unless one is at it: a frozen server answers none, and each would hang."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                threading.Thread(target=self._finish, args=(self._running,), name="measure", daemon=True).start()
            return self._running

    def _finish(self, future: Future[Measures | None]) -> None:
        try:
            future.set_result(self._measure())
        except Exception as error:  # noqa: BLE001  # raised again where the result is asked for
            future.set_exception(error)
