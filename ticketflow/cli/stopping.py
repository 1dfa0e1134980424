"""How a command that runs until it is stopped learns of it."""

import signal
import threading


def wait_for_signal() -> None:
    """Wait for Ctrl-C or SIGTERM, whatever other threads do meanwhile."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
