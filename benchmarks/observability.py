"""What it costs to be seen: tickets a second with JSON logs, metrics and Celery events, beside none of them.

Run ``python -m benchmarks.observability [TICKETS] [PAIRS]`` (about five minutes for 300 and 4). Both are measured in
turn on the same servers, and the median of the pairs counts. Neighbours on the machine slow single rounds down; the
processor time a ticket takes in the workers tells the same without them.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from sqlalchemy import create_engine, text

from benchmarks.sets import read_shop_tickets
from tests.harness.postgres import Postgres
from tests.harness.processes import RunningProgram, find_free_port, start_worker
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.wait import wait_until
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.services.articles import import_articles
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import Sessions, build_session_factory
from ticketflow.storage.tickets import NewTicket

WORKERS = 2
THREADS = 4
WARM_UP = 20
TIMEOUT_S = 600.0
SCRAPE_EVERY_S = 5.0

SEEN = {"TICKETFLOW_LOG_LEVEL": "info", "TICKETFLOW_LOG_FORMAT": "json", "BENCHMARK_OBSERVED": "1"}
UNSEEN = {"TICKETFLOW_LOG_LEVEL": "error", "BENCHMARK_OBSERVED": "0"}


@dataclass(frozen=True)
class Round:
    """What one round measured.

    Attributes:
        per_s: Tickets a second.
        cpu_s: Processor seconds a ticket took in the workers.
    """

    per_s: float
    cpu_s: float


class Bench:
    """Rounds on one database and one broker."""

    def __init__(self, database_url: str, broker_url: str, folder: Path, tickets: int) -> None:
        """Prepare the database."""
        upgrade(database_url)
        self._env = {"TICKETFLOW_DATABASE_URL": database_url, "TICKETFLOW_BROKER_URL": broker_url}
        self._engine = create_engine(database_url)
        self._sessions: Sessions = build_session_factory(self._engine)
        self._folder = folder
        self._tickets = tickets
        self._submitted = 0
        self._texts = [row["text"] for row in read_shop_tickets()]
        list(import_articles(self._sessions, "default", read_sample_articles().articles))

    def measure(self, settings: dict[str, str]) -> Round:
        """Run new workers over so many tickets."""
        with self._workers(settings) as workers:
            self._finish(WARM_UP)  # each worker loads its model once
            cpu_before, started = count_cpu(workers), time.monotonic()
            self._finish(self._tickets)
            took_s = time.monotonic() - started
            cpu_s = count_cpu(workers) - cpu_before
        return Round(self._tickets / took_s, cpu_s / self._tickets)

    def _finish(self, count: int) -> None:
        for _ in range(count):
            body = self._texts[self._submitted % len(self._texts)]
            new = NewTicket(body[:80].replace("\n", " "), f"{body} {self._submitted}")
            submit_ticket(self._sessions, "default", new, "classify")
            self._submitted += 1
        wait_until(lambda: self._count_completed() >= self._submitted, TIMEOUT_S)

    def _count_completed(self) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM tickets WHERE status = 'completed'")) or 0

    @contextmanager
    def _workers(self, settings: dict[str, str]) -> Iterator[list[RunningProgram]]:
        with ExitStack() as stack:
            ports = [find_free_port() for _ in range(WORKERS)]
            started = []
            for number, port in enumerate(ports):
                seen = {"TICKETFLOW_METRICS_PORT": str(port)} if settings is SEEN else {}
                log = self._folder / f"worker{number}.log"
                log.unlink(missing_ok=True)
                env = self._env | settings | seen
                worker = start_worker(env, f"worker{number}", log, THREADS, app="benchmarks.observed_worker")
                started.append(stack.enter_context(worker))
            for worker in started:
                wait_until(lambda worker=worker: self._count_workers() == WORKERS and worker.check_running(), TIMEOUT_S)
            if settings is SEEN:
                stack.enter_context(scraping(ports))
            yield started

    def _count_workers(self) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM workers WHERE seen_at > now() - interval '1 min'")) or 0


@contextmanager
def scraping(ports: list[int]) -> Iterator[None]:
    """Read all numbers every few seconds for as long as the block lasts, as Prometheus does."""
    is_over = threading.Event()

    def scrape() -> None:
        while not is_over.wait(SCRAPE_EVERY_S):
            for port in ports:
                with suppress(httpx.HTTPError):
                    httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def count_cpu(workers: list[RunningProgram]) -> float:
    """Add up the processor seconds of some workers."""
    return sum(sum(psutil.Process(worker.pid).cpu_times()[:2]) for worker in workers)


def main(tickets: int, pairs: int) -> None:
    """Measure in turn, and print the ratios."""
    seen, unseen = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        rabbitmq = stack.enter_context(RabbitMQ(folder / "rabbitmq"))
        bench = Bench(postgres.url, rabbitmq.add_vhost("bench"), folder, tickets)
        for number in range(pairs):
            turns = [(seen, SEEN), (unseen, UNSEEN)]
            for rounds, settings in turns if number % 2 == 0 else reversed(turns):
                rounds.append(bench.measure(settings))
                name = "seen" if settings is SEEN else "unseen"
                say(f"{name:8}{rounds[-1].per_s:8.1f}/s {rounds[-1].cpu_s * 1e3:7.1f} ms")
    report = {
        "tickets": tickets,
        "pairs": pairs,
        "load": os.getloadavg()[1],
        "throughput_ratio": statistics.median(on.per_s / off.per_s for on, off in zip(seen, unseen, strict=True)),
        "processor_ratio": statistics.median(off.cpu_s / on.cpu_s for on, off in zip(seen, unseen, strict=True)),
    }
    say(json.dumps(report))


def say(line: str) -> None:
    """Print a line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:3]) if len(sys.argv) == 3 else (300, 4))  # noqa: PLR2004
