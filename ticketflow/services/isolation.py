"""Steps of one process run together, but for the step that is suspected of killing it: that one runs by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Nobody waits for longer: a neighbour that hangs must not hold up everybody else, nor a suspect that does.
PATIENCE_S = 10.0


class Isolation:
    """A lock for readers and writers whose waits end: ``together`` is shared, ``alone`` is not, and comes first.

    With it a third death is its step's own doing, in threads as in child processes; without, a suspect that is innocent
    might sit beside the guilty once more.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """Begin with nobody at work."""
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._running = 0
        self._is_taken = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run with others, once nobody runs or waits to run alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken, self._patience_s)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run once the others are done, while those who come wait."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken, self._patience_s)
            self._is_taken = True
            self._changed.wait_for(lambda: self._running == 0, self._patience_s)
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
