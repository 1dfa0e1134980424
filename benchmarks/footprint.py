"""What one ticket costs the servers: docs/explanation/sizing.md calculates with it.

Run ``python -m benchmarks.footprint [TICKETS [NODES]]`` (some ten minutes for 300). Callers send each ticket over HTTP
with an ``Idempotency-Key`` and wait for its end. Counts are exact and carry over; time is this machine's. PostgreSQL
writes to its disk for real (fsync), as it must in production. With three NODES the broker is a cluster, each node in a
network namespace of its own, which needs root.
"""

import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from celery import Celery
from sqlalchemy import text

from benchmarks.scaling import Broker, Fleet, Site, say
from tests.harness.network import Network
from tests.harness.postgres import SETTINGS
from tests.harness.processes import RunningProgram
from tests.harness.rabbitmq import RabbitMQ, RabbitMQCluster
from ticketflow.services.keys import create_key
from ticketflow.storage.due import Dispatch, claim_due
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import NewTicket
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

CALLERS = 16
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
    SELECT relname, n_tup_ins AS inserted, n_tup_upd AS updated, n_tup_hot_upd AS hot, n_tup_del AS deleted
    FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd > 0 ORDER BY 2 DESC
"""
SIZES = "SELECT relname, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables"
STATEMENTS = "SELECT calls, total_exec_time AS ms, query FROM pg_stat_statements"
# What each statement is there for, by the first of these that is found in it.
PURPOSES = {
    "steps: claim": "^WITH seen",
    "steps: commit": "INTO ticket_steps",
    "steps: heartbeat": "held.lease",
    "steps: knowledge": "articles|resolved_tickets|classifier_models",
    "dispatch": "FOR UPDATE SKIP LOCKED|EXISTS .SELECT FROM tickets|count.*FROM tickets|workers",
    "take in": "INTO tickets|INTO ticket_events|INTO ticket_search|idempotency_keys|lock_timeout",
    "look": "^SELECT tickets.id",
    "key": "api_keys",
    "begin": "^BEGIN",
    "commit": "^COMMIT",
    "rollback": "^ROLLBACK",
}
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ticketflow'"
GLOBAL_COUNTERS = "rabbit_global_counters:overview()."
MESSAGES = ("received", "confirmed", "routed", "delivered_consume_manual_ack", "acknowledged")


class Callers:
    """Programs that send tickets, each over a connection of its own."""

    def __init__(self, site: Site, stack: ExitStack) -> None:
        """Give them a key."""
        self._site = site
        headers = {"Authorization": f"Bearer {create_key(site.sessions, 'footprint', DEFAULT_TENANT)}"}
        url = f"http://127.0.0.1:{site.api_port}"
        self._client = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=90))
        self._callers = stack.enter_context(ThreadPoolExecutor(CALLERS))
        self.sent: list[str] = []

    def send(self, tickets: int) -> None:
        """Send tickets."""
        self.sent = list(self._callers.map(self._send, self._site.write(tickets)))

    def look(self) -> None:
        """Look at each ticket that was sent last."""
        list(self._callers.map(self._look, self.sent))

    def send_and_wait(self, tickets: int) -> float:
        """Send tickets and wait for the end of each; return how many went through in a second."""
        started = time.monotonic()
        list(self._callers.map(lambda new: self._wait(self._send(new)), self._site.write(tickets)))
        return tickets / (time.monotonic() - started)

    def _send(self, new: NewTicket) -> str:
        content = {"subject": new.subject, "body": new.body}
        answer = self._client.post("/tickets", json=content, headers={"Idempotency-Key": str(uuid4())})
        return str(answer.raise_for_status().json()["id"])

    def _look(self, ticket_id: str, wait_s: int = 0) -> dict[str, Any]:
        answer = self._client.get(f"/tickets/{ticket_id}", params={"wait": wait_s} if wait_s else {})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _wait(self, ticket_id: str) -> None:
        while self._look(ticket_id, wait_s=30)["status"] in {"queued", "processing"}:
            pass


def main(tickets: int = 300, nodes: int = 1) -> None:
    """Let tickets through and print what each of them cost."""
    with ExitStack() as stack:
        site = Site(stack, DURABLE, cluster(stack, nodes) if nodes > 1 else RabbitMQ)
        site.postgres.execute("CREATE EXTENSION pg_stat_statements")
        callers = Callers(site, stack)
        with site.employ(Fleet()) as workers:
            callers.send_and_wait(tickets)
            with filling(site, tickets), counting(site, workers, tickets):
                rate = callers.send_and_wait(tickets)
                say(f"{tickets} tickets, {rate:.1f}/s, {ask(site.sessions, CONNECTIONS)} connections; for each ticket:")
        report_calls(site, callers, tickets)
        report_pings(site)
        report_dispatch(site, tickets)


def cluster(stack: ExitStack, nodes: int) -> Callable[[Path], Broker]:
    """Return a maker of a broker of several nodes."""
    network = stack.enter_context(Network())
    machines = [network.add(f"mq{number}") for number in range(nodes)]
    return lambda folder: RabbitMQCluster(folder, machines)


def list_nodes(broker: Broker) -> Sequence[RabbitMQ]:
    """Return the servers that are one broker."""
    return broker.nodes if isinstance(broker, RabbitMQCluster) else [broker]


@contextmanager
def counting(site: Site, workers: Iterable[RunningProgram], tickets: int) -> Iterator[None]:
    """Print what the block cost everybody, for each ticket."""
    before, spent, began_at = start_counting(site), measure_processor(site, workers), time.monotonic()
    yield
    after, spent_then, lasted_s = count_messages(site), measure_processor(site, workers), time.monotonic() - began_at
    report("messages", {what: (after[what] - before[what]) / tickets for what in MESSAGES})
    report("processor, ms", {who: 1000 * (spent_then[who] - spent[who]) / tickets for who in spent})
    report_database(site.sessions, tickets, lasted_s)


@contextmanager
def filling(site: Site, tickets: int) -> Iterator[None]:
    """Print by how much the tables grow in the block, for each ticket, when dead versions are vacuumed away."""
    before = measure_tables(site)
    yield
    grown = {table: (size - before[table]) / tickets for table, size in measure_tables(site).items()}
    report("kept, bytes", {"all": sum(grown.values()), **{table: size for table, size in grown.items() if size}})


def measure_tables(site: Site) -> Counter[str]:
    """Return the bytes of each table with its indexes, once the room of dead versions may be used again."""
    site.postgres.execute("VACUUM")
    with site.sessions() as session:
        return Counter({row.relname: row.bytes for row in session.execute(text(SIZES))})


def report_calls(site: Site, callers: Callers, calls: int) -> None:
    """Print what one call costs, with nobody who works on tickets."""
    for name, call in {"POST": lambda: callers.send(calls), "GET": callers.look}.items():
        spent, began_at = measure_processor(site, []), time.monotonic()
        call()
        lasted_s, spent_then = time.monotonic() - began_at, measure_processor(site, [])
        costs = {who: 1000 * (spent_then[who] - spent[who]) / calls for who in ("api", "postgres")}
        report(f"one {name}", {"a second": calls / lasted_s, **{f"{who}, ms": cost for who, cost in costs.items()}})


def start_counting(site: Site) -> Counter[str]:
    """Set PostgreSQL's counters to nothing, right after a checkpoint; return the broker's."""
    site.postgres.execute("CHECKPOINT")
    for reset in RESETS:
        ask(site.sessions, f"SELECT {reset}")
    return count_messages(site)


def count_messages(site: Site) -> Counter[str]:
    """Read the broker's counters, added up over nodes, protocols and types of queue."""
    overviews = "".join(node.ctl("eval", GLOBAL_COUNTERS) for node in list_nodes(site.rabbitmq))
    found = re.findall(r"messages_(\w+)_total => (\d+)", overviews)
    counts: Counter[str] = Counter()
    for name, value in found:
        counts[name] += int(value)
    return counts


def measure_processor(site: Site, workers: Iterable[RunningProgram]) -> dict[str, float]:
    """Return the seconds of processor that each kind of process has used so far."""
    return {
        "postgres": add_up([site.postgres.program]),
        "rabbitmq": add_up(node.program for node in list_nodes(site.rabbitmq)),
        "workers": add_up(workers),
        "api": add_up([site.api]),
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


def report_database(sessions: Sessions, tickets: int, lasted_s: float) -> None:
    """Print what PostgreSQL counted, for each ticket, and what its statements were for."""
    with sessions() as session:
        totals = session.execute(text(COUNTERS)).mappings().one()
        tables = session.execute(text(TABLES)).mappings().all()
        statements = session.execute(text(STATEMENTS)).mappings().all()
    report("postgres", {name: float(value) / tickets for name, value in totals.items()})
    for table in tables:
        report(table["relname"], {name: value / tickets for name, value in table.items() if name != "relname"})
    calls: Counter[str] = Counter()
    spent_ms: dict[str, float] = defaultdict(float)
    for row in statements:
        purpose = name_purpose(row["query"])
        calls[purpose] += row["calls"]
        spent_ms[purpose] += row["ms"]
    # A ping is no statement to PostgreSQL, but a commit. Every use of a connection begins with one, and is a
    # transaction or a single statement that commits itself.
    calls["pool_pre_ping"] = (totals["commits"] - calls["commit"] + calls["begin"]) // 2
    for purpose, count in calls.most_common():
        shares = {"calls": count / tickets, "ms": spent_ms[purpose] / tickets, "calls a second": count / lasted_s}
        report(f"  {purpose}", shares)


def name_purpose(query: str) -> str:
    """Say what a statement is there for."""
    query = " ".join(query.split())
    return next((purpose for purpose, pattern in PURPOSES.items() if re.search(pattern, query)), query[:60])


def report_pings(site: Site, pings: int = 20_000) -> None:
    """Print what it costs PostgreSQL that a pool asks each connection whether it is alive."""
    with psycopg.connect(site.postgres.conninfo, autocommit=True) as connection:
        before = add_up([site.postgres.program])
        for _ in range(pings):
            connection.execute(";")
        report("one ping", {"postgres, ms": 1000 * (add_up([site.postgres.program]) - before) / pings})


def report_dispatch(site: Site, tickets: int) -> None:
    """Print how many tickets one dispatcher claims in a second, and how many chains it publishes."""
    site.submit(tickets)
    dispatched: list[Dispatch] = []
    started = time.monotonic()
    while batch := claim_batch(site.sessions):
        dispatched += batch
    claimed = time.monotonic()
    publisher = build_publisher(site)
    connected = time.monotonic()
    for each in dispatched:
        publisher.publish(each)
    publisher.confirm()
    published_s = time.monotonic() - connected
    publisher.close()
    say(f"one dispatcher claims {len(dispatched) / (claimed - started):.0f} tickets/s")
    say(f"one dispatcher publishes {len(dispatched) / published_s:.0f} tickets/s")


def claim_batch(sessions: Sessions) -> list[Dispatch]:
    """Claim as many tickets as a pass of the dispatcher does."""
    with sessions.begin() as session:
        return claim_due(session, 100, timedelta(hours=1), ticket_plan().lineage)


def build_publisher(site: Site) -> ChainPublisher:
    """Build a publisher that is connected to the site's broker."""
    app = Celery("footprint", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=site.env["TICKETFLOW_BROKER_URL"], broker_transport_options={})
    publisher = ChainPublisher(app, ticket_plan().lineage, timeout_s=3)
    publisher.connect()
    return publisher


def report(title: str, figures: Mapping[str, float]) -> None:
    """Print figures on a line."""
    say(f"{title:<20} " + "  ".join(f"{name} {value:,.2f}" for name, value in figures.items()))


def ask(sessions: Sessions, question: str) -> Any:
    """Return the one value of a query."""
    with sessions.begin() as session:
        return session.scalar(text(question))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
