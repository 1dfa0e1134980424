"""``ticketflow doctor``: what is wrong, in words, and what to type next."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TypeVar

import click
import httpx

from ticketflow.cli.client import find_base_url
from ticketflow.cli.database import find_database_url, quiet_logging
from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line
from ticketflow.monitoring.database import DatabaseReading, diagnose_database
from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.monitoring.machine import diagnose_machine
from ticketflow.monitoring.workers import BrokerReading, judge_broker, judge_workers
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.session_settings import read_reason, was_refused
from ticketflow.tasks.runtime import Runtime

Reading = TypeVar("Reading")

DATABASE_TIMEOUT = timedelta(seconds=2)
BROKER_TIMEOUT_S = 1.0
API_TIMEOUT_S = 1.5
# The limits above hold for each answer, this one for all: wide, as a busy machine is not a server that is away.
PATIENCE_S = 15.0

# Everything of the embedded default is started by the same command.
START_HERE = "ticketflow up"
# When TICKETFLOW_DATABASE_URL, or what it leads to, has been put right.
LOOK_AGAIN = "ticketflow db check"

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
# What follows from something worse is not worth a line of its own.
_FOLLOWS_FROM = {
    "BrokerAway": {"DispatcherLag", "TicketsNotFlowing"},
    "BrokerAlarm": {"DispatcherLag", "TicketsNotFlowing"},
    "WorkerGone": {"TicketsNotFlowing"},
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Find out what is wrong here, from the database and the broker, in a few seconds.

    One line for each finding, the one to repair first on top: how bad it is, what it is, what to
    type next, and where the runbook says more. Changes nothing.

    Exit codes: 0 healthy, notes included; 1 something is wrong; 2 wrong usage or setting.
    """
    settings = load_settings()
    quiet_logging(settings.model_copy(update={"log_level": "error"}))
    findings = examine(settings)
    is_healthy = all(finding.severity is Severity.NOTE for finding in findings)
    if as_json:
        print_json({"is_healthy": is_healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print_line(describe(finding))
        if is_healthy:
            print_line("healthy: everything that was looked at is as it should be")
    if not is_healthy:
        raise click.exceptions.Exit(FAILED)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything at the same time; return what is wrong, the worst first."""
    ask_database = in_background(partial(prepare_database, settings))
    ask_broker = in_background(partial(prepare_broker, settings))
    ask_api = in_background(partial(prepare_api, settings))
    findings = list(diagnose_machine(settings))
    database, broker, api = ask_database(), ask_broker(), ask_api()
    if isinstance(database, Exception):
        findings.append(judge_away("DatabaseAway", "the database does not answer", database, settings))
        database = DatabaseReading([])
    findings += database.findings
    if isinstance(broker, Exception):
        findings.append(judge_away("BrokerAway", "the broker does not answer", broker, settings))
    else:
        findings += judge_broker(broker)
        findings += judge_workers(broker, database.workers, settings)
    findings += judge_api(api, settings)
    return rank(findings)


def prepare_database(settings: Settings) -> Callable[[], DatabaseReading]:
    """Load what asking the database takes; return how to ask."""
    limits = Runtime(settings).limits
    engine = build_engine(find_database_url(settings), pool_size=2, name="doctor", statement_timeout=DATABASE_TIMEOUT)
    return partial(diagnose_database, build_session_factory(engine), limits)


def prepare_broker(_: Settings) -> Callable[[], BrokerReading]:
    """Load what asking the broker takes; return how to ask."""
    from ticketflow.tasks import app
    from ticketflow.tasks.queues import read_broker

    return partial(read_broker, app, BROKER_TIMEOUT_S)


def prepare_api(settings: Settings) -> Callable[[], httpx.Response | None]:
    """Return how to ask the API, if anybody has said where it is."""
    if settings.api_url is None and not settings.is_database_embedded:
        return lambda: None
    return partial(httpx.get, f"{find_base_url(settings)}/readyz", timeout=API_TIMEOUT_S, trust_env=False)


def in_background(prepare: Callable[[], Callable[[], Reading]]) -> Callable[[], Reading | Exception]:
    """Begin to look at something in a thread; return how to wait for what was seen, or for why nothing was.

    Loading code counts for nothing: on a busy machine it takes longer than any server that is well.
    """
    prepared = threading.Event()
    answers: queue.SimpleQueue[Reading | Exception] = queue.SimpleQueue()

    def look() -> None:
        try:
            ask = prepare()
            prepared.set()
            answers.put(ask())
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
            answers.put(error)
        finally:
            prepared.set()

    def wait() -> Reading | Exception:
        prepared.wait()
        try:
            return answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            return TimeoutError(f"nothing came back within {PATIENCE_S:g} s")

    threading.Thread(target=look, daemon=True).start()
    return wait


def judge_away(alert: str, what: str, error: Exception, settings: Settings) -> Finding:
    """Tell that a server cannot be reached."""
    is_embedded = settings.is_database_embedded if alert == "DatabaseAway" else settings.is_broker_embedded
    reason = read_reason(error)
    if alert == "DatabaseAway" and was_refused(error):  # by a server, or a pooler, that need not be started
        return build_finding(Severity.CRITICAL, alert, f"the database refuses: {reason}", LOOK_AGAIN)
    return build_finding(Severity.CRITICAL, alert, f"{what}: {reason}", START_HERE if is_embedded else None)


def judge_api(api: httpx.Response | Exception | None, settings: Settings) -> Iterator[Finding]:
    """Tell whether the API answers, and whether it can work."""
    where = f"the API at {find_base_url(settings)}"
    if isinstance(api, Exception):
        command = START_HERE if settings.is_database_embedded else None
        yield build_finding(Severity.CRITICAL, "ApiAway", f"{where} does not answer: {api}", command)
    elif api is not None and api.is_server_error:
        yield build_finding(Severity.CRITICAL, "ApiErrors", f"{where} cannot work: {api.status_code} {api.text}")


def rank(findings: Iterable[Finding]) -> list[Finding]:
    """Put the worst first, and leave out what only follows from another one."""
    found = list(findings)
    alerts = {finding.alert for finding in found}
    implied = {follower for alert in alerts for follower in _FOLLOWS_FROM.get(str(alert), ())}
    return sorted(
        (finding for finding in found if finding.alert not in implied), key=lambda finding: _RANKS[finding.severity]
    )


def describe(finding: Finding) -> str:
    """Write a finding in one line."""
    words = " ".join(finding.summary.split())
    return f"{finding.severity:<8}  {words}; run: {finding.command}  ({finding.see})"
