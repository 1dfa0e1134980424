"""Tickets a second of the whole system, beside a bare Celery chain on the same broker in the same run.

Run ``python -m benchmarks.throughput [TICKETS]`` (about two minutes for 500). The ratio says what
durability, the ledger and real thinking cost; the absolute figures are this machine's.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks.sets import read_shop_tickets
from tests.harness.postgres import Postgres
from tests.harness.processes import RunningProgram, start_process, start_worker
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.wait import wait_until
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.services.articles import import_articles
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_session_factory
from ticketflow.storage.tickets import NewTicket

WORKERS = 2
THREADS = 4
TIMEOUT_S = 600.0


def main(tickets: int) -> None:
    """Measure both and print the ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        rabbitmq = stack.enter_context(RabbitMQ(folder / "rabbitmq"))
        ours = measure_ours(postgres.url, rabbitmq.add_vhost("ours"), folder, tickets)
        bare = measure_bare(rabbitmq.add_vhost("bare"), folder, tickets)
    say(f"{WORKERS} workers of {THREADS} threads, {tickets} tickets")
    say(f"ticket flow  {ours:7.1f} tickets/s")
    say(f"bare chain   {bare:7.1f} tickets/s")
    say(f"ratio        {ours / bare:7.2f}")


def measure_ours(database_url: str, broker_url: str, folder: Path, tickets: int) -> float:
    """Return tickets a second from the first submission until all are completed."""
    upgrade(database_url)
    engine = create_engine(database_url)
    sessions = build_session_factory(engine)
    list(import_articles(sessions, "default", read_sample_articles().articles))
    texts = [row["text"] for row in read_shop_tickets()]

    def submit(count: int) -> None:
        for number in range(count):
            body = texts[number % len(texts)]
            submit_ticket(sessions, "default", NewTicket(body[:80].replace("\n", " "), f"{body} {number}"), "classify")

    def is_done(count: int) -> bool:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM tickets WHERE status = 'completed'")) >= count

    env = {"TICKETFLOW_DATABASE_URL": database_url, "TICKETFLOW_BROKER_URL": broker_url}
    with workers(lambda name: start_worker(env, name, folder / f"{name}.log", THREADS)):
        submit(20)  # each worker loads its model once
        wait_until(lambda: is_done(20), TIMEOUT_S)
        started = time.monotonic()
        submit(tickets)
        wait_until(lambda: is_done(20 + tickets), TIMEOUT_S)
        took_s = time.monotonic() - started
    engine.dispose()
    return tickets / took_s


def measure_bare(broker_url: str, folder: Path, tickets: int) -> float:
    """Return chains a second from the first publication until all have arrived."""
    os.environ["BARE_BROKER_URL"] = broker_url
    from benchmarks import bare_chain  # noqa: PLC0415  # its address comes from the environment

    def start(name: str) -> RunningProgram:
        celery = [sys.executable, "-m", "celery", "-A", "benchmarks.bare_chain", "worker", "-l", "INFO"]
        return start_process([*celery, "-P", "threads", "-c", str(THREADS), "-n", f"{name}@%h"], {}, folder / name)

    with workers(start), bare_chain.app.connection_for_read() as connection:
        channel = connection.default_channel
        channel.queue_declare(bare_chain.DONE_QUEUE, durable=True, auto_delete=False)
        started = time.monotonic()
        for number in range(tickets):
            bare_chain.publish(number)
        arrived = 0
        while arrived < tickets:
            if channel.basic_get(bare_chain.DONE_QUEUE, no_ack=True):
                arrived += 1
        return tickets / (time.monotonic() - started)


@contextmanager
def workers(start: Callable[[str], RunningProgram]) -> Iterator[None]:
    """Run ready workers for as long as the block lasts."""
    with ExitStack() as stack:
        for number in range(WORKERS):
            stack.enter_context(start(f"worker{number}")).wait_for_log("ready.")
        yield


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
