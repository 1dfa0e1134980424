"""Python programs that start warm: forked from a process that has imported what takes long, for tests start hundreds.

Importing takes a worker some four seconds of processor time; a fork of this one spends a third of a second on it. What
looks at the environment when it is imported is not loaded beforehand, and nothing of ours for a program of another
copy of the code: that is the program's own. From there on it is what ``python -m`` runs.

(The fork server of ``multiprocessing`` ends its children by ``os._exit``: no ``atexit``, by which ours tidy up.)
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

DEAR = (
    "alembic.autogenerate",
    "alembic.command",
    "bm25s",
    "celery.apps.worker",
    "celery.bin.worker",
    "flask_smorest",
    "flask_swagger_ui",
    "httpcore",
    "httpx",
    "kombu.transport.pyamqp",
    "langgraph.graph",
    "numpy",
    "opentelemetry.trace",
    "phonenumbers",
    "prometheus_client",
    "psycopg",
    "py3langid",
    "pydantic_settings",
    "regex",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.orm",
    "structlog",
    "turbohtml",
)
# Neither gunicorn, which reads its settings when it is imported, nor our metrics: what it and a prefork worker do
# before they load them decides where their numbers are kept.
OURS = (
    "ticketflow.adapters.tools",
    "ticketflow.adapters.webhook_post",
    "ticketflow.engines.embedded",
    "ticketflow.storage.due",
    "ticketflow.storage.leases",
    "ticketflow.storage.migrate",
    "ticketflow.storage.webhook_deliveries",
    "ticketflow.workflow.plan",
)
MAX_REQUEST_BYTES = 1 << 17
REPOSITORY = Path(__file__).resolve().parents[2]


class Forked:
    """A program forked elsewhere, with what tests use of ``subprocess.Popen``.

    Attributes:
        returncode: As ``Popen`` has it; ``None`` until its end was noticed.
    """

    def __init__(self, channel: socket.socket) -> None:
        """Wait until it is there."""
        self._channel = channel
        self.returncode: int | None = None
        self.pid = int(channel.recv(64))

    def poll(self) -> int | None:
        """Return how it ended, or ``None``."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its code.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        if self.returncode is None:
            if not select.select([self._channel], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._channel.recv(64))
            self._channel.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def start_warm(
    module: str, args: Sequence[str], env: Mapping[str, str], cwd: Path, said_in: Path, complained_in: Path
) -> Forked:
    """Start what ``python -m module`` runs, in a session of its own.

    Args:
        module: Or a console script's entry, ``module:function``.
        env: All of its environment.
        said_in: File that its output is appended to.
        complained_in: The same for what it says to standard error.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {"module": module, "args": list(args), "env": dict(env), "cwd": str(cwd)}
    request["files"] = [os.devnull, str(said_in), str(complained_in)]
    is_ours = {str(cwd), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))} == {str(REPOSITORY)}
    with theirs:
        socket.send_fds(_start_server(OURS if is_ours else ()), [json.dumps(request).encode()], [theirs.fileno()])
    return Forked(ours)


@cache
def _start_server(ours_too: Sequence[str]) -> socket.socket:
    """Start a process that is warm; it ends when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno()), *ours_too]
        server = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={
                **os.environ,
                "OPENBLAS_NUM_THREADS": "1",
            },  # as ticketflow.engines has it: threads do not live on in forks
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop() -> None:
        ours.close()
        server.wait()

    atexit.register(stop)
    return ours


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork for each request; return, in the fork, what was asked for.

    Raises:
        SystemExit: Nobody is left who could ask.
    """
    rung, ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring)
    forks: dict[int, socket.socket] = {}
    while True:
        if rung in select.select([control.fileno(), rung], [], [])[0]:
            os.read(rung, 1024)
            _bury(forks)
            continue
        message, fds, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 1)
        if not message:
            raise SystemExit
        channel = socket.socket(fileno=fds[0])
        if pid := os.fork():
            forks[pid] = channel
            _tell(channel, pid)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (control, channel, *forks.values()):
            each.close()
        os.close(rung)
        os.close(ring)
        asked: dict[str, Any] = json.loads(message)
        return asked


def _bury(forks: dict[int, socket.socket]) -> None:
    for pid in list(forks):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with forks.pop(pid) as channel:
                _tell(channel, os.waitstatus_to_exitcode(status))


def _tell(channel: socket.socket, number: int) -> None:
    with suppress(OSError):  # whoever asked is gone
        channel.send(str(number).encode())


def settle(request: dict[str, Any]) -> None:
    """Put this process where the program is to run."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for target, path in enumerate(request["files"]):
        opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(opened, target)
        os.close(opened)
    first = [request["cwd"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:] = [*first, *(entry for entry in sys.path[1:] if entry not in first)]
    sys.argv[1:] = request["args"]


def run(entry: str) -> None:
    """Be that program."""
    module, _, function = entry.partition(":")
    if not function:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    sys.argv[0] = module.partition(".")[0]
    sys.exit(getattr(importlib.import_module(module), function)())


if __name__ == "__main__":
    for name in (*DEAR, *sys.argv[2:]):
        importlib.import_module(name)
    gc.freeze()
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    settle(request)
    run(request["module"])
