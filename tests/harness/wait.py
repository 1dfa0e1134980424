"""Waiting for conditions instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

POLL_S = 0.05


def wait_until(
    condition: Callable[[], Answer],
    timeout_s: float = 60.0,
    describe: str | Callable[[], str] = "the condition held",
) -> Answer:
    """Ask ``condition`` until its answer is true, and return that answer.

    Args:
        condition: Asked about twenty times a second. What it raises ends the wait.
        timeout_s: Longest wait in seconds; the condition is asked at least once.
        describe: What was waited for; a callable is asked on failure, so that it can tell how things stand.

    Raises:
        AssertionError: The time ran out.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            what = describe if isinstance(describe, str) else describe()
            raise AssertionError(f"waited {timeout_s:g} s in vain until {what}; last answer: {answer!r}")
        time.sleep(POLL_S)
