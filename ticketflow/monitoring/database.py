"""Whether the database is there and as this version needs it; all that it knows of the rest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ticketflow.monitoring import flow
from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.monitoring.flow import Flow
from ticketflow.monitoring.machine import diagnose_jumps, judge_clock
from ticketflow.monitoring.workers import diagnose_hung
from ticketflow.services.dispatch_due import DispatchLimits
from ticketflow.storage.clocks import read_clock
from ticketflow.storage.migrate import USABLE, SchemaAge, find_schema_age
from ticketflow.storage.session import Sessions
from ticketflow.storage.statistics import FailingEndpoint, count_connected, list_failing_endpoints
from ticketflow.storage.webhook_deliveries import WebhookMeasure, measure_webhooks
from ticketflow.storage.workers import SeenWorker, list_workers

EXPORTER = "ticketflow exporter"
# As the alert WebhooksLate has it (deploy/prometheus/rules/alerts.yml).
LATE_S = 300.0


def diagnose_webhooks(session: Session) -> Iterator[Finding]:
    """Look at endpoints and at what waits for them."""
    for endpoint in list_failing_endpoints(session):
        yield judge_endpoint(endpoint)
    yield from judge_deliveries(measure_webhooks(session))


def judge_endpoint(endpoint: FailingEndpoint) -> Finding:
    """Tell what is wrong with an endpoint."""
    if endpoint.disabled_reason is not None:
        summary = f"the webhook {endpoint.id} was switched off: {endpoint.disabled_reason}"
        command = f"ticketflow webhooks enable {endpoint.id}"
    else:
        summary = f"the webhook {endpoint.id} refused the last {endpoint.failures} attempts to tell it something"
        command = f"ticketflow webhooks test {endpoint.id}"
    return build_finding(Severity.WARNING, "WebhookEndpointFailing", summary, command)


def judge_deliveries(measure: WebhookMeasure) -> Iterator[Finding]:
    """Tell whether somebody delivers."""
    if measure.oldest_due_age_s > LATE_S:
        summary = f"a webhook has been due for {measure.oldest_due_age_s / 60:.0f} min and nobody has tried to send it"
        yield build_finding(Severity.WARNING, "WebhooksLate", summary)


CHECKS: Sequence[Callable[[Session], Iterator[Finding]]] = (
    flow.diagnose_pauses,
    flow.diagnose_failed,
    flow.diagnose_left_behind,
    flow.diagnose_tries,
    flow.diagnose_ended,
    flow.diagnose_models,
    flow.diagnose_approvals,
    diagnose_webhooks,
    diagnose_hung,
    diagnose_jumps,
)


@dataclass(frozen=True, slots=True)
class DatabaseReading:
    """What the database says.

    Attributes:
        flow: ``None`` where the schema is not the one this version knows.
        workers: Those that have not said that they end.
    """

    findings: Sequence[Finding]
    flow: Flow | None = None
    workers: Sequence[SeenWorker] = ()


def diagnose_database(sessions: Sessions, limits: DispatchLimits) -> DatabaseReading:
    """Ask the database everything it knows.

    Raises:
        sqlalchemy.exc.DBAPIError: It does not answer, or not in time.
    """
    age = find_schema_age(sessions.kw["bind"])
    if age not in USABLE:
        return DatabaseReading([judge_schema(age)])
    with sessions() as session:
        findings = [] if age is SchemaAge.CURRENT else [judge_schema(age)]
        findings += judge_clock(read_clock(session))
        measured = flow.read_flow(session, limits)
        findings += flow.judge_flow(measured)
        findings += [finding for check in CHECKS for finding in check(session)]
        findings += judge_exporter(count_connected(session, EXPORTER))
        return DatabaseReading(findings, measured, list_workers(session))


def judge_schema(age: SchemaAge) -> Finding:
    """Tell what is wrong with the schema."""
    if age is SchemaAge.AHEAD:
        return Finding(
            Severity.NOTE,
            "the database has migrations of a newer version: it is being rolled out, or was rolled back",
            "pip install --upgrade ticketflow",
            "docs/how-to/upgrade.md",
        )
    lacks = "has no tables yet" if age is SchemaAge.EMPTY else "lacks migrations of this version"
    return build_finding(Severity.CRITICAL, "MigrationBehind", f"the database {lacks}")


def judge_exporter(connections: int) -> Iterator[Finding]:
    """Tell whether somebody measures the database for Prometheus."""
    if not connections:
        yield build_finding(Severity.NOTE, "ExporterAway", "no exporter reads this database: dashboards know little")
