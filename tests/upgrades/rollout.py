"""Plays systemd's part in an upgrade: keeps the API's socket open, starts and stops processes of several releases."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg

from tests.chaos.checker import Report, check
from tests.chaos.history import History, read_history
from tests.chaos.trail import FIRST_GRAPH, Graph
from tests.harness.processes import RunningProgram, start_process
from tests.harness.wait import wait_until
from tests.upgrades.releases import Release
from ticketflow.services.keys import create_key
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT

COUNT_OPEN = "SELECT count(*) FROM tickets WHERE status NOT IN ('completed', 'failed', 'cancelled')"
# A service gets its sockets from number 3 on, and LISTEN_PID must be its own: sd_listen_fds(3).
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
ANSWERED = "request.finished"
READY = "ready."
START_S = 90.0
CALL_AGAIN_S = 0.3
# What CPUWeight= of the units says, said to a session (sched(7), autogroup): a tenth of what others get.
GIVING_WAY = ("sh", "-c", 'echo 10 >/proc/self/autogroup; exec "$@"', "sh")


class Door:
    """The address of the API: it stays open while what answers there is replaced."""

    def __init__(self) -> None:
        """Listen."""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"


class Rollout:
    """Releases at work on one database and one virtual host.

    Attributes:
        programs: What runs, by name.
    """

    def __init__(
        self, database_url: str, broker_url: str, folder: Path, stack: ExitStack, *, gives_way: bool = False
    ) -> None:
        """Bind to servers; nothing runs yet.

        Args:
            gives_way: Whether workers and migrations leave the processors to others, as their units have it. That is
                for who measures callers: on a busy machine such a worker is hardly ever let near one.
        """
        self.folder = folder
        self.history_path = folder / "history.jsonl"
        self.history = History(self.history_path)
        self.programs: dict[str, RunningProgram] = {}
        self._database_url = database_url
        self._starts = 0
        self._stack = stack
        self._beside = GIVING_WAY if gives_way else ()
        self._env = {
            "TICKETFLOW_DATABASE_URL": database_url,
            "TICKETFLOW_BROKER_URL": broker_url,
            "TICKETFLOW_REDISPATCH_AFTER_S": "5",
            "CHAOS_HISTORY": str(self.history_path),
            "WEB_CONCURRENCY": "1",
        }

    def open_door(self) -> Door:
        """Listen where callers find the API, whoever answers."""
        door = Door()
        self._stack.callback(door.socket.close)
        return door

    def migrate(self, release: Release) -> None:
        """Bring the database to a release's schema, with its own command."""
        ticketflow = [sys.executable, "-c", "from ticketflow.cli import main; main()"]
        command = [*self._beside, *ticketflow, "db", "upgrade"]
        env = {**os.environ, **self._of(release)}
        subprocess.run(command, env=env, cwd=release.tree, check=True, start_new_session=True)

    def create_key(self) -> str:
        """Return a key for callers."""
        engine = build_engine(self._database_url)
        try:
            return create_key(build_session_factory(engine), "callers", DEFAULT_TENANT)
        finally:
            engine.dispose()

    def start_worker(self, release: Release, name: str, *, waits: bool = False, **settings: str) -> RunningProgram:
        """Start a worker, and wait until it takes tickets or says that it waits."""
        celery = [*self._beside, sys.executable, "-m", "celery", "-A", "tests.chaos.app", "worker"]
        program = self._start(
            release, name, [*celery, "-P", "threads", "-c", "4", "-n", f"{name}@%h", "-l", "INFO"], settings
        )
        program.wait_for_log("worker.waiting" if waits else READY, START_S)
        return program

    def start_api(self, release: Release, name: str, door: Door) -> RunningProgram:
        """Start an API behind a door, as its unit has it, and wait until it says that it is ready, or has answered."""
        gunicorn = [str(Path(sys.executable).with_name("gunicorn")), "-c", "deploy/gunicorn.conf.py", "wsgi:app"]
        activate = [sys.executable, "-c", ACTIVATE, str(door.socket.fileno()), *gunicorn]
        with _notices(self.folder / "n") as notices:
            env = {"NOTIFY_SOCKET": notices.getsockname()}
            program = self._start(release, name, activate, env, door.socket.fileno())
            if release.notifies:
                notices.settimeout(START_S)
                assert notices.recv(1024) == b"READY=1"
            else:
                while ANSWERED not in program.read_log() and program.check_running():
                    _call(door)
                    threading.Event().wait(CALL_AGAIN_S)  # calls more often would be felt by those we measure
        return program

    def stop(self, *names: str) -> None:
        """Stop programs one after the other, each in order."""
        for name in names:
            self.programs.pop(name).stop(timeout_s=60)

    def list_committed(self) -> list[int]:
        """Return the processes whose steps took effect, in order."""
        return [line["pid"] for line in read_history(self.history_path) if line["what"] == "committed"]

    def wait_for_work_of(self, program: RunningProgram) -> None:
        """Wait until some steps of a worker took effect from now on."""
        seen = self.list_committed().count(program.pid)
        wait_until(lambda: self.list_committed().count(program.pid) >= seen + 12, 60, "the worker works")

    def finish(self, *graphs: Graph) -> Report:
        """Wait until every ticket has ended, and judge.

        Args:
            graphs: Every version there was; left out, there was one.
        """
        wait_until(lambda: self.query(COUNT_OPEN) == [(0,)], 600, lambda: f"{self.query(COUNT_OPEN)} are open")
        return check(self.history_path, self._database_url, graphs=graphs or (FIRST_GRAPH,))

    def query(self, statement: str) -> list[tuple]:
        """Ask the database."""
        url = self._database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def _of(self, release: Release) -> dict[str, str]:
        """Return the environment of a release's processes: the installed package of the tests comes after its own."""
        return {**self._env, "PYTHONPATH": str(release.tree)}

    def _start(self, release: Release, name: str, args: list[str], env=None, *inherited: int) -> RunningProgram:
        self._starts += 1
        log_path = self.folder / f"{self._starts}-{name}-{release.name}.log"
        program = start_process(
            args, {**self._of(release), **(env or {})}, log_path, cwd=release.tree, pass_fds=inherited
        )
        self._stack.callback(program.kill)
        self.programs[name] = program
        return program


def _call(door: Door) -> None:
    """Call, and wait for whoever answers."""
    with contextlib.closing(http.client.HTTPConnection(*door.socket.getsockname(), timeout=START_S)) as caller:
        caller.request("GET", "/tickets")
        caller.getresponse()


@contextlib.contextmanager
def _notices(path: Path) -> Iterator[socket.socket]:
    """Listen where a service says that it is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(path))
        yield notices
    path.unlink()
