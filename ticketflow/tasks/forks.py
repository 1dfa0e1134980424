"""Keeps a worker's forks apart from what its other threads are in the middle of."""

import os
import threading


def build_fork_gate() -> threading.Lock:
    """Build a lock that no fork happens under: for a thread beside the one that forks.

    A forked pool child has only the thread that forked. What another thread held at that moment, such as
    the lock of a module it was importing, nobody in the child will ever release, and a child that wants it
    hangs with its task. Hold the gate for as long as something like that may be held, and never without a
    limit: the fork, and with it the worker, waits.
    """
    gate = threading.Lock()
    os.register_at_fork(before=gate.acquire, after_in_parent=gate.release, after_in_child=gate.release)
    return gate
