"""Whether this machine and its settings are fit to run: disk, clock, configuration."""

import ipaddress
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from ticketflow.adapters.tools import check_engine
from ticketflow.errors import ConfigurationError
from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.settings import Settings
from ticketflow.storage.clocks import Jump, list_jumps

# What the alert DiskFillingUp says of the broker's and the database's disks.
LITTLE_FREE = 0.10
HARDLY_FREE = 0.03
# The database's clock decides everything; only what people read is stamped by others.
SKEW_S = 2.0
LATELY = timedelta(hours=1)


def diagnose_machine(settings: Settings) -> Iterator[Finding]:
    """Look at the disk and at the settings; nothing is connected to."""
    yield from judge_disk(settings.data_dir)
    yield from judge_settings(settings)
    try:
        check_engine(settings)
    except ConfigurationError as error:
        yield Finding(Severity.CRITICAL, f"workers do not start: {error}", "ticketflow try --sample", _CONFIGURATION)


def judge_disk(folder: Path) -> Iterator[Finding]:
    """Tell whether the disk under a folder is nearly full."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(existing)
    free = usage.free / usage.total
    if free < LITTLE_FREE:
        yield build_finding(
            Severity.CRITICAL if free < HARDLY_FREE else Severity.WARNING,
            "DiskFillingUp",
            f"the disk of {existing} has {free:.0%} left ({usage.free / 2**30:.1f} GiB)",
        )


def judge_settings(settings: Settings) -> Iterator[Finding]:
    """Tell of settings that are allowed, and hardly ever meant."""
    if not settings.auth and not is_loopback(settings.host):
        yield Finding(
            Severity.CRITICAL,
            f"the API asks for no key, and {settings.host} can be reached from other machines",
            "export TICKETFLOW_AUTH=true",
            f"{_CONFIGURATION}#ticketflow_auth",
        )
    if settings.failpoints:
        yield Finding(
            Severity.CRITICAL,
            f"TICKETFLOW_FAILPOINTS is set: processes kill themselves at {', '.join(sorted(settings.failpoints))}",
            "unset TICKETFLOW_FAILPOINTS",
            f"{_CONFIGURATION}#ticketflow_failpoints",
        )
    if settings.is_broker_embedded and not settings.is_database_embedded:
        yield Finding(
            Severity.WARNING,
            "TICKETFLOW_BROKER_URL is not set: messages travel through a folder, which no other machine sees",
            "export TICKETFLOW_BROKER_URL=amqp://...",
            f"{_CONFIGURATION}#ticketflow_broker_url",
        )


def judge_clock(database_now: datetime) -> Iterator[Finding]:
    """Tell whether this machine and the database agree on the time."""
    ahead_s = (datetime.now(UTC) - database_now).total_seconds()
    if abs(ahead_s) > SKEW_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        yield Finding(
            Severity.WARNING,
            f"the clock of this machine is {abs(ahead_s):.0f} s {way} the database's",
            "timedatectl set-ntp true",
            "docs/how-to/operate.md#ask-what-is-wrong",
        )


def diagnose_jumps(session: Session) -> Iterator[Finding]:
    """Tell whether the database's clock was set lately."""
    if jumps := list_jumps(session, LATELY):
        yield judge_jumps(jumps)


def judge_jumps(jumps: Sequence[Jump]) -> Finding:
    """Tell how far the clock jumped the last time."""
    last = jumps[0]
    way = "forward" if last.by_s > 0 else "back"
    more = f", and {len(jumps) - 1} times before within an hour" if len(jumps) > 1 else ""
    summary = f"the database's clock was set {way} by {abs(last.by_s):.0f} s at {last.seen_at:%Y-%m-%d %H:%M} UTC{more}"
    return build_finding(Severity.WARNING, "ClockJumped", summary)


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CONFIGURATION = "docs/configuration.md"
