"""Sets the wall clock of a process off while it runs, as somebody may who repairs a machine's time."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from tests.chaos.history import History

POLL_S = 0.1


def follow_clock(path: Path, history: History) -> None:
    """Keep the wall clock as far off as ``path`` says, in seconds; the steady clock is left alone.

    The history tells how far the process then finds it off.
    """
    threading.Thread(target=_follow, args=(path, history), name="clock", daemon=True).start()


def _follow(path: Path, history: History) -> None:
    boot = time.time() - time.monotonic()
    offset_s, travel = 0, None
    pause = threading.Event()
    while not pause.wait(POLL_S):
        wanted_s = int(path.read_text())
        if wanted_s == offset_s:
            continue
        if travel is not None:
            travel.stop()
        travel = time_machine.travel(datetime.now(UTC) + timedelta(seconds=wanted_s), tick=True)
        travel.start()
        offset_s = wanted_s
        history.record("jumped", pid=os.getpid(), off_s=round(time.time() - boot - time.monotonic()))
