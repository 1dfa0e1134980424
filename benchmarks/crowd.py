"""Scenarios f, g and h: a crowded database, hours of work, and a broker that comes back to a backlog."""

import time
from contextlib import ExitStack
from typing import LiteralString

import numpy as np
import psutil
import psycopg

from benchmarks.contenders import TIMEOUT_S, Fleet, Team, TicketFlow
from benchmarks.results import Figures, Result, say
from benchmarks.saturation import measure, take_turn
from benchmarks.servers import Servers
from tests.harness.wait import wait_until

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'bench'"
COMPLETED = "SELECT count(*) FROM ticket_events WHERE type = 'ticket.completed' AND id"
LEFT = "SELECT count(*) FROM tickets WHERE status IN ('queued', 'processing')"
# Rows as tickets leave them behind. Each has a state of the usual size, and ids that grow with time.
FINISHED: LiteralString = """
    INSERT INTO tickets (id, subject, body, status, state, created_at, finished_at)
    SELECT ('018f' || lpad(to_hex(number), 12, '0') || lpad(to_hex(number), 16, '0'))::uuid, 'Password',
           'How do I reset my password? ' || number, 'completed',
           jsonb_build_object('category', 'account', 'final_response', repeat('Open the sign-in page. ', 20)),
           now() - number * interval '1 s', now() - number * interval '1 s'
    FROM generate_series(1, %s::bigint) AS number
"""
# A backlog: they are due, and go first.
WAITING: LiteralString = """
    INSERT INTO tickets (id, subject, body, status, next_step, state, wake_at)
    SELECT gen_random_uuid(), 'Password', 'How do I reset my password? ' || number, 'queued', 'classify', '{}',
           now()
    FROM generate_series(1, %s::bigint) AS number
"""
WARM_UP = 50
SAMPLE_EVERY_S = 2.0


def measure_crowd(fleet: Fleet, tickets: int, rounds: int, finished: int, waiting: int) -> Result:
    """Compare a ticket in an empty database with one among many that are finished and many that wait."""
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        empty, crowded = TicketFlow("empty", servers, fleet), Crowded("crowded", servers, fleet)
        crowded.fill(finished, waiting)
        for _ in range(rounds):
            for contender in (empty, crowded):
                figures.add(contender.name, take_turn(contender, tickets))
                say(f"{contender.name}: {figures[contender.name]['total ms'][-1]:.1f} ms")
        figures.compare("crowded", "empty", {"total ms": "ms of empty", "postgresql ms": "postgresql ms of empty"})
    options = {"size": tickets, "rounds": rounds, "finished": finished, "waiting": waiting}
    return Result("f", {**options, **vars(fleet)}, figures.plain())


class Crowded(TicketFlow):
    """Ticket Flow with much in its database: whatever is completed counts, for the backlog goes first."""

    _last_event = 0

    def fill(self, finished: int, waiting: int) -> None:
        """Write the rows."""
        began_at = time.monotonic()
        with psycopg.connect(self.servers.postgres.get_conninfo(self.database), autocommit=True) as connection:
            connection.execute(FINISHED, [finished])
            connection.execute(WAITING, [waiting])
            connection.execute("VACUUM ANALYZE")
        say(f"{finished} finished and {waiting} waiting after {time.monotonic() - began_at:.0f} s")

    def is_done(self, tickets: int) -> bool:
        """Say whether so many have been completed since the team came, of those that are there now or were before."""
        return self.ask(f"{COMPLETED} > {self._last_event}") >= tickets

    def count_done(self) -> int:
        """Begin to count: nobody counts five million."""
        self._last_event = self.ask("SELECT coalesce(max(id), 0) FROM ticket_events")
        return 0


def measure_soak(fleet: Fleet, minutes: float, per_s: float) -> Result:
    """Send tickets at a steady pace with the engine, and watch memory and connections."""
    with ExitStack() as stack:
        servers = Servers(stack)
        ours = TicketFlow("ours", servers, fleet, app="ticketflow.tasks")
        ours.is_cold = True
        team = stack.enter_context(ours.run())
        team.submit(WARM_UP)
        team.wait()
        samples = []
        began_at = time.monotonic()
        while (elapsed_s := time.monotonic() - began_at) < 60 * minutes:
            team.submit(max(0, round(per_s * elapsed_s) - (team.submitted - WARM_UP)))
            samples.append((elapsed_s, *look(team)))
            time.sleep(SAMPLE_EVERY_S)
        team.wait()
    return Result("g", {"minutes": minutes, "per_s": per_s, **vars(fleet)}, judge(samples))


def look(team: Team) -> tuple[float, float, float]:
    """Return MiB of the largest worker and of the API, and the number of connections."""
    workers = [resident_mib(program.pid) for program in team.workers]
    ours = team.contender
    assert isinstance(ours, TicketFlow)  # noqa: S101
    return max(workers), sum(resident_mib(program.pid) for program in team.parts["api"]), ours.ask(CONNECTIONS) - 1


def resident_mib(pid: int) -> float:
    """Return what a process and its children hold in memory."""
    leader = psutil.Process(pid)
    return sum(process.memory_info().rss for process in (leader, *leader.children(recursive=True))) / 2**20


def judge(samples: list[tuple[float, float, float, float]]) -> dict[str, dict[str, list[float]]]:
    """Return largest values and slopes; the first third, in which caches fill, has no part in a slope."""
    rows = np.array(samples)
    steady = rows[len(rows) // 3 :]
    figures = {}
    for column, name in enumerate(("worker MiB", "API MiB", "connections"), 1):
        slope = np.polyfit(steady[:, 0], steady[:, column], 1)[0] * 3600
        figures[name] = {"first": [rows[0, column]], "most": [rows[:, column].max()], "slope an hour": [slope]}
    return figures


def measure_drain(fleet: Fleet, tickets: int) -> Result:
    """Stop the broker, take tickets in, start it again, and see how long they take."""
    figures = Figures()
    with ExitStack() as stack:
        servers = Servers(stack)
        ours = TicketFlow("ours", servers, fleet)
        team = stack.enter_context(ours.run())
        team.submit(WARM_UP)
        team.wait()
        servers.rabbitmq.flush_definitions()
        servers.rabbitmq.stop()
        team.submit(tickets)
        servers.rabbitmq.start()
        spent, began_at = measure(team), time.monotonic()
        wait_until(lambda: ours.ask(LEFT) < tickets, TIMEOUT_S, "the first ticket moves on")
        first_s = time.monotonic() - began_at
        wait_until(lambda: ours.ask(LEFT) == 0, 10 * TIMEOUT_S, "all are through")
        took_s = time.monotonic() - began_at
        total_ms = 1000 * (sum(measure(team).values()) - sum(spent.values())) / tickets
    figures.add("ours", {"first s": first_s, "all s": took_s, "tickets/s": tickets / took_s, "total ms": total_ms})
    return Result("h", {"size": tickets, **vars(fleet)}, figures.plain())
