"""Ways for a step never to end."""

import re
import time
from collections.abc import Callable, Mapping


def spin() -> None:
    """Compute for ever, in Python."""
    while True:
        pass


def match() -> None:
    """Compute for ever, and let no other thread run Python."""
    re.match(r"(a+)+$", "a" * 64 + "!")


HOLDS_INTERPRETER = "hang: match"
HANGS: Mapping[str, Callable[[], None]] = {
    "hang: spin": spin,
    "hang: sleep": lambda: time.sleep(10_000),
    HOLDS_INTERPRETER: match,
}
"""Subjects of tickets whose draft never ends, and what it does instead."""
