"""How many series Prometheus keeps after many tickets and many restarts of the worker.

Run ``python -m benchmarks.cardinality [TICKETS] [RESTARTS]`` (about ten minutes for 10000 and 50). The steps are quick
ones; labels are the product's own. Series are counted without what Prometheus adds (``job``, ``instance``).
"""

import json
import math
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.harness.postgres import Postgres
from tests.harness.processes import find_free_port, start_process, start_worker
from tests.harness.rabbitmq import RabbitMQ
from tests.harness.wait import wait_until
from tests.numbers import find_strangers, scrape
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.session import build_session_factory
from ticketflow.storage.tickets import NewTicket

TIMEOUT_S = 600.0


class Bench:
    """One database, one broker, one exporter, and worker after worker.

    Attributes:
        known: Every series there ever was.
    """

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        """Start the servers and the exporter."""
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        rabbitmq = stack.enter_context(RabbitMQ(folder / "rabbitmq"))
        upgrade(postgres.url)
        self._folder = folder
        self._engine = create_engine(postgres.url)
        self._env = {"TICKETFLOW_DATABASE_URL": postgres.url, "TICKETFLOW_BROKER_URL": rabbitmq.add_vhost("bench")}
        self._exporter_port = find_free_port()
        command = [Path(sys.executable).with_name("ticketflow"), "exporter", "--port", str(self._exporter_port)]
        exporter = stack.enter_context(start_process(command, self._env, folder / "exporter.log"))
        exporter.wait_for_port(self._exporter_port)
        self.known: set[object] = set()

    def run(self, start: int, tickets: int) -> dict[str, object]:
        """Start a worker, have it finish so many tickets, and count the series."""
        port = find_free_port()
        env = self._env | {"TICKETFLOW_METRICS_PORT": str(port), "CHAOS_HISTORY": str(self._folder / "history")}
        with start_worker(env, f"worker{start}", self._folder / "worker.log", app="tests.chaos.app") as worker:
            worker.wait_for_port(port, TIMEOUT_S)
            for number in range(tickets):
                new = NewTicket(f"Password {start} {number}", "How do I reset my password?")
                submit_ticket(build_session_factory(self._engine), "default", new, "classify")
            wait_until(self._is_idle, TIMEOUT_S)
            found = scrape(port), scrape(self._exporter_port)
        self.known.update(*(each.series for each in found))
        return {
            "start": start,
            "worker": len(found[0].series),
            "exporter": len(found[1].series),
            "ever": len(self.known),
            "outside the closed sets": [stranger for each in found for stranger in find_strangers(each)],
        }

    def _is_idle(self) -> bool:
        with self._engine.connect() as connection:
            return not connection.scalar(text("SELECT count(*) FROM tickets WHERE wake_at IS NOT NULL"))


def main(tickets: int, restarts: int) -> None:
    """Restart the worker so often while tickets go through; print how many series there were after each start."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        bench = Bench(stack, folder)
        for start in range(restarts + 1):
            say(bench.run(start, math.ceil(tickets / (restarts + 1))))


def say(report: dict[str, object]) -> None:
    """Print a line of the report."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:3]) if len(sys.argv) == 3 else (10_000, 50))  # noqa: PLR2004
