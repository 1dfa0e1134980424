"""The private PostgreSQL and RabbitMQ of a run, and what everybody's work costs: processor, statements, log."""

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import dict_row

from tests.harness.postgres import SETTINGS, Postgres, find_account, find_programs
from tests.harness.processes import RunningProgram
from tests.harness.rabbitmq import RabbitMQ

# It writes to its disk for real, as it must in production. No checkpoint falls into a round, for the pages that are
# written whole after one would make the log of one round twice that of the next.
DURABLE = SETTINGS | {"fsync": "on", "checkpoint_timeout": "1h", "max_wal_size": "16GB", "shared_buffers": "512MB"}
COUNTERS = """
    SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = %(database)s) AS commits,
           pg_current_wal_lsn() - '0/0' AS wal_bytes
"""
STATEMENTS = """
    SELECT coalesce(sum(calls), 0) AS statements,
           coalesce(sum(total_exec_time), 0) AS statement_ms
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = %(database)s
"""
BROKER_COUNTERS = "rabbit_global_counters:overview()."
KEPT = "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_stat_user_tables"
BY_STATEMENT = """
    SELECT calls, total_exec_time AS ms, query
    FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
    WHERE datname = %(database)s ORDER BY total_exec_time DESC
"""


class Servers:
    """A database server and a broker on free ports, with nothing in them.

    Attributes:
        folder: Of this run; gone afterwards.
    """

    def __init__(self, stack: ExitStack, **settings: str) -> None:
        """Start them; they end with the stack. ``settings`` are PostgreSQL's."""
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)
        self.has_statements = _has_statements()
        settings = (
            DURABLE | settings | ({"shared_preload_libraries": "pg_stat_statements"} if self.has_statements else {})
        )
        self.postgres = stack.enter_context(Postgres(self.folder / "postgres", settings))
        self.rabbitmq = stack.enter_context(RabbitMQ(self.folder / "rabbitmq"))
        if self.has_statements:
            self.postgres.execute("CREATE EXTENSION pg_stat_statements")

    def add_database(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        self.postgres.execute("CREATE DATABASE {}", name)
        return self.postgres.build_url(name)

    def count(self, database: str) -> dict[str, float]:
        """Return what PostgreSQL has counted so far.

        Commits are late by up to ten seconds for a backend that is there still; ends of backends bring them up to date.
        """
        values = {"database": database}
        with psycopg.connect(self.postgres.conninfo, autocommit=True, row_factory=dict_row) as connection:
            counted = connection.execute(COUNTERS, values).fetchone() or {}
            if self.has_statements:
                counted |= connection.execute(STATEMENTS, values).fetchone() or {}
        return {name: float(value) for name, value in counted.items()}

    def count_whole_turn(self, database: str) -> dict[str, float]:
        """Return what is counted before anybody has started and after all have ended, too.

        Messages are those the broker took in; kept is what tables and indexes take without dead versions, in bytes.
        """
        counted = self.count(database)
        taken = re.findall(r"messages_received_total => (\d+)", self.rabbitmq.ctl("eval", BROKER_COUNTERS))
        with psycopg.connect(self.postgres.get_conninfo(database), autocommit=True) as connection:
            connection.execute("VACUUM")
            row = connection.execute(KEPT).fetchone()
        return {**counted, "messages": float(sum(map(int, taken))), "kept": float(row[0] if row else 0)}

    def list_statements(self, database: str) -> list[dict[str, Any]]:
        """Return each statement with its calls and milliseconds, dearest first."""
        if not self.has_statements:
            return []
        with psycopg.connect(self.postgres.conninfo, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(BY_STATEMENT, {"database": database}).fetchall()


def _has_statements() -> bool:
    """Say whether PostgreSQL brings `pg_stat_statements`."""
    programs = find_programs(find_account())
    return any(programs.parent.rglob("pg_stat_statements.so"))


def measure_processor(parts: Mapping[str, Iterable[RunningProgram]], threads: Mapping[str, str]) -> dict[str, float]:
    """Return the seconds each part has used so far: its programs, their children, and children that have ended.

    Args:
        parts: Programs by the name of their part.
        threads: Kernel's name of threads whose time is taken out of their part, and the part it is given to.
    """
    spent = dict.fromkeys([*parts, *threads.values()], 0.0)
    for part, programs in parts.items():
        for program in programs:
            for process in _list_family(program.pid):
                spent[part] += _read_process(process)
                for name, taken_by in threads.items():
                    moved = _read_thread(process.pid, name)
                    spent[part] -= moved
                    spent[taken_by] += moved
    return spent


def _list_family(pid: int) -> list[psutil.Process]:
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]


def _read_process(process: psutil.Process) -> float:
    """Return user's and system's seconds, those of children that were waited for included."""
    with suppress(psutil.NoSuchProcess):
        return sum(process.cpu_times()[:4])
    return 0.0


def _read_thread(pid: int, name: str) -> float:
    """Return the seconds of a process's threads of that name, which the kernel keeps 15 characters of."""
    ticks = 0
    with suppress(OSError):  # it has ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            comm, _, rest = (thread / "stat").read_text().partition("(")[2].rpartition(")")
            if comm == name:
                fields = rest.split()  # proc(5): from the third on
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
