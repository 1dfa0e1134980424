"""Whether the database is there and as this version needs it; all that it knows of the rest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ticketflow.monitoring import flow
from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.monitoring.flow import Flow
from ticketflow.monitoring.machine import diagnose_jumps, judge_clock
from ticketflow.monitoring.webhooks import diagnose_webhooks
from ticketflow.monitoring.workers import diagnose_hung
from ticketflow.services.dispatch_due import DispatchLimits
from ticketflow.storage.clocks import read_clock
from ticketflow.storage.migrate import USABLE, SchemaAge, find_schema_age
from ticketflow.storage.session import Sessions
from ticketflow.storage.statistics import count_connected
from ticketflow.storage.workers import SeenWorker, list_workers

CHECKS: Sequence[Callable[[Session], Iterator[Finding]]] = (
    flow.diagnose_pauses,
    flow.diagnose_parked,
    flow.diagnose_left_behind,
    flow.diagnose_tries,
    flow.diagnose_ended,
    flow.diagnose_models,
    flow.diagnose_approvals,
    diagnose_webhooks,
    diagnose_hung,
    diagnose_jumps,
)
EXPORTER = "ticketflow exporter"


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
