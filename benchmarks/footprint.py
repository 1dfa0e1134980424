"""What one ticket costs the servers: docs/explanation/sizing.md calculates with it.

Run ``python -m benchmarks.footprint [TICKETS]`` (some five minutes for 300). Counts are exact and carry over; time is
this machine's. PostgreSQL writes to its disk for real (fsync), as it must in production.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psutil
from celery import Celery
from sqlalchemy import text

from benchmarks.scaling import Fleet, Site, say
from tests.harness.postgres import SETTINGS
from tests.harness.processes import RunningProgram
from ticketflow.storage.due import Departure, claim_due
from ticketflow.storage.session import Sessions
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.workflow.plan import ticket_plan

DURABLE = SETTINGS | {"fsync": "on", "shared_preload_libraries": "pg_stat_statements"}
RESETS = ("pg_stat_statements_reset()", "pg_stat_reset_shared('wal')", "pg_stat_reset()")
COUNTERS = """
    SELECT wal_records, wal_fpi AS wal_full_pages, wal_bytes, wal_sync AS wal_fsyncs,
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS commits,
           (SELECT sum(calls) FROM pg_stat_statements) AS statements,
           (SELECT sum(total_exec_time) FROM pg_stat_statements) AS statement_ms
    FROM pg_stat_wal
"""
TABLES = """
    SELECT relname, n_tup_ins AS inserted, n_tup_upd AS updated, n_tup_hot_upd AS hot, n_tup_del AS deleted,
           pg_relation_size(relid) AS table_bytes, pg_indexes_size(relid) AS index_bytes
    FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd > 0 ORDER BY 2 DESC
"""
DEAREST = """
    SELECT calls, total_exec_time AS ms, wal_bytes, left(regexp_replace(query, '\\s+', ' ', 'g'), 70) AS query
    FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 12
"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ticketflow'"
GLOBAL_COUNTERS = "rabbit_global_counters:overview()."
MESSAGES = ("received", "confirmed", "routed", "delivered_consume_manual_ack", "acknowledged")


def main(tickets: int = 300) -> None:
    """Let tickets through and print what each of them cost."""
    with ExitStack() as stack:
        site = Site(stack, DURABLE)
        site.postgres.execute("CREATE EXTENSION pg_stat_statements")
        with site.employ(Fleet()) as workers:
            site.work_off(50)
            before, spent = start_counting(site), measure_processor(site, workers)
            rate = site.work_off(tickets)
            after, spent_then = count_messages(site), measure_processor(site, workers)
            say(f"{tickets} tickets, {rate:.1f}/s, {ask(site.sessions, CONNECTIONS)} connections; for each ticket:")
            report("messages", {what: (after[what] - before[what]) / tickets for what in MESSAGES})
            report("processor, ms", {who: 1000 * (spent_then[who] - spent[who]) / tickets for who in spent})
            report_database(site.sessions, tickets)
        report_dispatch(site, tickets)


def start_counting(site: Site) -> Counter[str]:
    """Set PostgreSQL's counters to nothing, right after a checkpoint; return the broker's."""
    site.postgres.execute("CHECKPOINT")
    for reset in RESETS:
        ask(site.sessions, f"SELECT {reset}")
    return count_messages(site)


def count_messages(site: Site) -> Counter[str]:
    """Read the broker's counters, added up over protocols and types of queue."""
    found = re.findall(r"messages_(\w+)_total => (\d+)", site.rabbitmq.ctl("eval", GLOBAL_COUNTERS))
    counts: Counter[str] = Counter()
    for name, value in found:
        counts[name] += int(value)
    return counts


def measure_processor(site: Site, workers: Iterable[RunningProgram]) -> dict[str, float]:
    """Return the seconds of processor that each kind of process has used so far."""
    return {
        "postgres": add_up([site.postgres.program]),
        "rabbitmq": add_up([site.rabbitmq.program]),
        "workers": add_up(workers),
    }


def add_up(programs: Iterable[RunningProgram]) -> float:
    """Add up the seconds of processor of programs and their children, those that have ended included."""
    seconds = 0.0
    for program in programs:
        leader = psutil.Process(program.pid)
        for process in (leader, *leader.children(recursive=True)):
            seconds += sum(process.cpu_times()[:2])
        seconds += sum(leader.cpu_times()[2:4])
    return seconds


def report_database(sessions: Sessions, tickets: int) -> None:
    """Print what PostgreSQL counted, for each ticket; sizes come from all tickets there are."""
    with sessions() as session:
        totals = session.execute(text(COUNTERS)).mappings().one()
        tables = session.execute(text(TABLES)).mappings().all()
        dearest = session.execute(text(DEAREST)).mappings().all()
        kept = session.scalar(text("SELECT count(*) FROM tickets")) or tickets
    report("postgres", {name: float(value) / tickets for name, value in totals.items()})
    for table in tables:
        counts = {name: float(value) for name, value in table.items() if name != "relname"}
        shares = {name: value / (kept if "bytes" in name else tickets) for name, value in counts.items()}
        report(table["relname"], shares)
    for row in dearest:
        say(f"  {row['ms'] / tickets:8.2f} ms {row['calls'] / tickets:7.2f} calls  {row['query']}")


def report_dispatch(site: Site, tickets: int) -> None:
    """Print how many tickets one dispatcher claims in a second, and how many chains it publishes."""
    site.submit(tickets)
    departures: list[Departure] = []
    started = time.monotonic()
    while batch := claim_batch(site.sessions):
        departures += batch
    claimed = time.monotonic()
    publisher = build_publisher(site)
    connected = time.monotonic()
    for departure in departures:
        publisher.publish(departure)
    published_s = time.monotonic() - connected
    publisher.close()
    say(f"one dispatcher claims {len(departures) / (claimed - started):.0f} tickets/s")
    say(f"one dispatcher publishes {len(departures) / published_s:.0f} tickets/s")


def claim_batch(sessions: Sessions) -> list[Departure]:
    """Claim as many tickets as a pass of the dispatcher does."""
    with sessions.begin() as session:
        return claim_due(session, 100, timedelta(hours=1))


def build_publisher(site: Site) -> ChainPublisher:
    """Build a publisher that is connected to the site's broker."""
    app = Celery("footprint", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=site.env["TICKETFLOW_BROKER_URL"], broker_transport_options={})
    publisher = ChainPublisher(app, ticket_plan(), timeout_s=3)
    publisher.connect()
    return publisher


def report(title: str, figures: Mapping[str, float]) -> None:
    """Print figures on a line."""
    say(f"{title:<18} " + "  ".join(f"{name} {value:,.2f}" for name, value in figures.items()))


def ask(sessions: Sessions, question: str) -> Any:
    """Return the one value of a query."""
    with sessions.begin() as session:
        return session.scalar(text(question))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
