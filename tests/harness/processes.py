"""Programs started by tests: each in a session of its own, with a log, ended by its id."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.harness.wait import wait_until
from tests.harness.warm import Forked, start_warm

REPOSITORY = Path(__file__).resolve().parents[2]
TICKETFLOW = "ticketflow.cli:main"


class ProgramDiedError(AssertionError):
    """A program ended by itself; the message shows the end of its log."""


@dataclass(frozen=True)
class Account:
    """An account a program runs as, for programs that refuse to run as root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class RunningProgram:
    """A started program, its children included."""

    name: str
    popen: subprocess.Popen[bytes] | Forked
    log_path: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the id of the program, which is also the id of its process group."""
        return self.popen.pid

    def is_running(self) -> bool:
        """Say whether the program has not ended yet."""
        return self.popen.poll() is None

    def read_log(self) -> str:
        """Return everything the program has said."""
        return self.log_path.read_text(errors="replace")

    def check_running(self) -> bool:
        """Return True.

        Raises:
            ProgramDiedError: The program has ended.
        """
        if self.is_running():
            return True
        tail = "\n".join(self.read_log().splitlines()[-30:])
        raise ProgramDiedError(f"{self.name} ended with {self.popen.returncode}; its log ends with\n{tail}")

    def wait_for_port(self, port: int, timeout_s: float = 120.0, host: str = "127.0.0.1") -> None:
        """Wait until something listens on ``host`` and ``port``.

        Raises:
            ProgramDiedError: The program ended before.
            AssertionError: The time ran out.
        """
        wait_until(
            lambda: self.check_running() and is_listening(port, host), timeout_s, f"{self.name} listens on port {port}"
        )

    def wait_for_log(self, text: str, timeout_s: float = 120.0) -> None:
        """Wait until the program has said ``text``.

        Raises:
            ProgramDiedError: The program ended before.
            AssertionError: The time ran out.
        """
        wait_until(lambda: text in self.read_log() or not self.check_running(), timeout_s, f"{self.name} says {text!r}")

    def stop(self, by: signal.Signals = signal.SIGTERM, timeout_s: float = 30.0) -> None:
        """Ask the program to end, and kill what is left of it and its children after ``timeout_s``."""
        family = self._list_family()
        if self.is_running():
            self.popen.send_signal(by)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_s)
        self._kill_all(family)

    def kill(self) -> None:
        """End the program and all its children at once, as a power cut would."""
        self._kill_all(self._list_family())

    def pause(self) -> None:
        """Freeze the program and its children: connections stay open, nothing answers."""
        self.popen.send_signal(signal.SIGSTOP)  # first, so that it starts nobody who would be missed
        for member in self._list_family():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.suspend()

    def resume(self) -> None:
        """Let a paused program go on."""
        for member in self._list_family():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.resume()

    def _list_family(self) -> list[psutil.Process]:
        """Return the program and its descendants; those with sessions of their own (PostgreSQL's) are among them."""
        if not self.is_running():
            return []
        leader = psutil.Process(self.pid)
        return [leader, *leader.children(recursive=True)]

    def _kill_all(self, family: Sequence[psutil.Process]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self.popen.wait()
        wait_until(lambda: not any(map(_is_alive, family)), 10.0, f"every part of {self.name} is gone")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether something accepts connections on ``host`` and ``port``."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def start_process(
    args: Sequence[str | Path],
    env: Mapping[str, str],
    log_path: Path,
    *,
    cwd: Path = REPOSITORY,
    account: Account | None = None,
    pass_fds: Sequence[int] = (),
) -> RunningProgram:
    """Start a program in a session of its own.

    Args:
        args: The program and its arguments.
        env: Added to the environment of the tests.
        log_path: Where its output is appended.
        cwd: Folder it starts in.
        account: Account to run as; needs root.
        pass_fds: Open files it inherits under the same numbers.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        popen = subprocess.Popen(
            args,
            env={**os.environ, **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    return RunningProgram(f"{Path(args[0]).name} ({log_path.stem})", popen, log_path)


def start_module(module: str, args: Sequence[str], env: Mapping[str, str], log_path: Path) -> RunningProgram:
    """Start what ``python -m`` runs, or ``TICKETFLOW``, in a session of its own, warm (tests.harness.warm)."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.touch()  # it is read before the program has opened it
    forked = start_warm(module, args, {**os.environ, **env}, REPOSITORY, log_path, log_path)
    return RunningProgram(f"{module} ({log_path.stem})", forked, log_path)


def run_module(
    module: str, args: Sequence[str], env: Mapping[str, str], timeout_s: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run what ``python -m`` runs, or ``TICKETFLOW``, to its end, warm; return how it ended and what it said.

    Raises:
        subprocess.TimeoutExpired: It goes on; it is killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        said, complaints = Path(folder, "out"), Path(folder, "err")
        forked = start_warm(module, args, {**os.environ, **env}, REPOSITORY, said, complaints)
        try:
            code = forked.wait(timeout_s)
        except subprocess.TimeoutExpired:
            forked.send_signal(signal.SIGKILL)
            raise
        return subprocess.CompletedProcess([module, *args], code, said.read_text(), complaints.read_text())


def start_worker(
    env: Mapping[str, str],
    name: str,
    log_path: Path,
    concurrency: int = 4,
    *,
    app: str = "ticketflow.tasks",
    pool: str = "threads",
) -> RunningProgram:
    """Start a Celery worker; it does not wait until the worker consumes.

    Args:
        env: Must name the database and the broker (``TICKETFLOW_DATABASE_URL``, ``TICKETFLOW_BROKER_URL``).
        name: First half of the node name, different for each worker that runs at the same time.
        log_path: Where its output is appended.
        concurrency: Number of threads or pool children.
        app: The Celery app, as ``celery -A`` takes it.
        pool: The kind of pool, ``threads`` or ``prefork``. Celery takes ``-P prefork`` for "as configured", so our
            own app is told by its setting.
    """
    options = ["-P", pool, "-c", str(concurrency), "-n", f"{name}@%h", "-l", "INFO"]
    return start_module("celery", ["-A", app, "worker", *options], {"TICKETFLOW_WORKER_POOL": pool, **env}, log_path)


def start_api(env: Mapping[str, str], port: int, log_path: Path, workers: int = 1) -> RunningProgram:
    """Start the API under gunicorn on 127.0.0.1, and wait until it accepts connections.

    Args:
        env: Must name the database and the broker (``TICKETFLOW_DATABASE_URL``, ``TICKETFLOW_BROKER_URL``).
        port: Where it listens; take one from ``find_free_port``.
        log_path: Where its output is appended.
        workers: Number of processes, of eight threads each.
    """
    options = ["-c", "python:ticketflow.server.config", "--threads", "8", "--workers", str(workers)]
    program = start_module("gunicorn", ["wsgi:app", "--bind", f"127.0.0.1:{port}", *options], env, log_path)
    try:
        program.wait_for_port(port)
    except AssertionError:
        program.kill()
        raise
    return program
