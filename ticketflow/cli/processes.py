"""The processes of ``ticketflow up``: started together, logged together, ended together."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from ticketflow.storage.orphans import end_with_parent

STOP_TIMEOUT_S = 20.0
RESTART_PAUSE_S = 1.0
# A process that ends this often within the window has something a restart does not cure.
MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0


class Child:
    """One process, started again when it ends by itself, its output prefixed line by line."""

    def __init__(self, name: str, command: Sequence[str], before_restart: Callable[[], None] | None = None) -> None:
        """Name a process; ``start`` begins it.

        Args:
            before_restart: Called when it has ended by itself, before it is started again.
        """
        self.name = name
        self._command = command
        self._before_restart = before_restart
        self._process: subprocess.Popen[str] | None = None
        self._starts: list[float] = []

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only us."""
        self._starts.append(time.monotonic())
        self._process = subprocess.Popen(  # our own programs
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  # prctl alone is safe with threads
        )
        threading.Thread(target=_relay, args=(self.name, self._process.stdout), daemon=True).start()

    def restart_if_ended(self) -> bool:
        """Start the process again if it has ended.

        Returns:
            False when it ends so often that starting it again is no use.
        """
        if self._process is None or self._process.poll() is None:
            return True
        recent = [start for start in self._starts if start > time.monotonic() - RESTART_WINDOW_S]
        if len(recent) >= MAX_RESTARTS:
            return False
        say(f"{self.name} ended with code {self._process.returncode}; starting it again")
        time.sleep(RESTART_PAUSE_S)
        if self._before_restart is not None:
            self._before_restart()
        self.start()
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM; returns at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait until the process has ended, and kill it when the time is up."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def stop_all(children: Sequence[Child]) -> None:
    """End all processes, work under way first."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        child.wait(max(0.0, deadline - time.monotonic()))


def say(line: str, name: str = "up") -> None:
    """Write one line of the common log."""
    sys.stdout.write(f"{name:>6} | {line}\n")
    sys.stdout.flush()


def _relay(name: str, lines: IO[str] | None) -> None:
    for line in lines or ():
        say(line.rstrip("\n"), name)
