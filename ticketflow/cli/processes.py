"""The processes of ``ticketflow up``: started together, logged together, ended together."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from ticketflow.storage.orphans import end_with_parent

STOP_TIMEOUT_S = 20.0
RESTART_PAUSE_S = 1.0
# A process's own children may hold its output open when it has ended.
READ_TIMEOUT_S = 1.0
# A process that ends this often within the window has something a restart does not cure.
MAX_RESTARTS = 5
RESTART_WINDOW_S = 60.0
# Of the common log: kept in one file and two older ones.
LOG_BYTES = 10_000_000
# Lines of a process that show why it ended.
LAST_LINES = 20


class CommonLog:
    """What all processes write, line by line under their names: in a file, and on the screen if it is wanted there."""

    def __init__(self, path: Path, *, is_shown: bool) -> None:
        """Write to a file, going on where it ends."""
        self._file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
        self._is_shown = is_shown

    def write(self, name: str, line: str) -> None:
        """Write one line of a process; may be called from several threads."""
        named = f"{name:>6} | {line}"
        self._file.handle(logging.makeLogRecord({"msg": named}))
        if self._is_shown:
            say(named)

    def close(self) -> None:
        """Let go of the file; what still comes opens it again."""
        self._file.close()


class Child:
    """One process, started again when it ends by itself."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: CommonLog,
        before_restart: Callable[[], None] | None = None,
    ) -> None:
        """Name a process; ``start`` begins it.

        Args:
            log: Where its output goes.
            before_restart: Called when it has ended by itself, before it is started again.
        """
        self._name = name
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._command = command
        self._log = log
        self._before_restart = before_restart
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
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
        self._reader = threading.Thread(target=self._relay, args=(self._process.stdout,), daemon=True)
        self._reader.start()

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
        say(f"{self._name} ended with code {self._process.returncode}; starting it again (the log says why)")
        time.sleep(RESTART_PAUSE_S)
        if self._before_restart is not None:
            self._before_restart()
        self.start()
        return True

    def show_last_lines(self) -> None:
        """Show the end of what it wrote, for whoever has to find out why it does not run."""
        for line in self._last_lines:
            say(f"{self._name:>6} | {line}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM; returns at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, timeout_s: float) -> None:
        """Wait until the process has ended and its last line is written; kill it when the time is up."""
        if self._process is None or self._reader is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(READ_TIMEOUT_S)

    def _relay(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._last_lines.append(line.rstrip("\n"))
                self._log.write(self._name, self._last_lines[-1])


def stop_all(children: Sequence[Child]) -> None:
    """End all processes, work under way first."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        child.wait(max(0.0, deadline - time.monotonic()))


def say(line: str) -> None:
    """Write one line for whoever started all this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
