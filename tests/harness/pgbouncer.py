"""PgBouncer in front of a test's PostgreSQL, as Debian configures it but for its mode."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.harness.network import HOME
from tests.harness.postgres import USER, MissingServerError, Postgres, find_account
from tests.harness.processes import RunningProgram, start_process
from tests.harness.wait import wait_until

_CONFIGURATION = """
[databases]
* = host={server.machine.address} port={server.port}
[pgbouncer]
listen_addr = {machine.address}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users.txt
pool_mode = {mode}
default_pool_size = {size}
# Never the last one first: what a transaction leaves behind meets another one.
server_round_robin = 1
"""


class PgBouncer:
    """A pooler on loopback; it takes whoever names the account of the tests."""

    def __init__(self, directory: Path, server: Postgres, mode: str, size: int = 20) -> None:
        """Prepare a pooler in ``directory``, which is made if it is not there.

        Args:
            mode: Its ``pool_mode``.
            size: How many sessions it has for one database.

        Raises:
            MissingServerError: It is not installed.
        """
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            raise MissingServerError("the tests need PgBouncer: run tests/install-servers")
        self._program = program
        self._directory = directory
        self._running: RunningProgram | None = None
        self.port = HOME.find_port(6432)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "users.txt").write_text(f'"{USER}" ""\n')
        (directory / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(
                server=server, machine=HOME, port=self.port, directory=directory, mode=mode, size=size
            )
        )

    def __enter__(self) -> Self:
        account = find_account()  # it refuses to run as root, like the server
        if account is not None:
            os.chown(self._directory, account.uid, account.gid)
        args: list[str | Path] = [self._program, self._directory / "pgbouncer.ini"]
        log_path = self._directory / "pgbouncer.log"
        self._running = start_process(args, {}, log_path, cwd=Path("/"), account=account)
        wait_until(self._answers, 30.0, "PgBouncer answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._running.kill()

    def build_url(self, database: str) -> str:
        """Return the URL of ``database`` by way of the pooler."""
        return f"postgresql://{USER}@{HOME.address}:{self.port}/{database}"

    def _answers(self) -> bool:
        if self._running is not None:
            self._running.check_running()
        try:
            psycopg.connect(self.build_url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
