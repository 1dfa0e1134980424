"""How long messages wait for a worker, and so how long the clock must wait before it sends one again."""

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta

# "Well above the measured wait": redispatching the slowest of a healthy queue only makes it longer.
WAIT_FACTOR = 4
# What the wait may stretch the clock to: a lost message must not be missed for longer than this.
STRETCH_LIMIT = timedelta(minutes=5)
HALF_LIFE_S = 30.0


def stretch(redispatch_after: timedelta, queue_wait: timedelta) -> timedelta:
    """Lengthen the clock's patience where queues are longer than it allows for."""
    return max(redispatch_after, min(WAIT_FACTOR * queue_wait, STRETCH_LIMIT))


class QueueWait:
    """The longest wait seen lately: a maximum that fades by half every ``HALF_LIFE_S``; safe to share.

    A maximum and not a mean, because it is the slowest message that would be sent twice; it fades,
    so that one bad minute, an outage say, is not remembered for an hour.
    """

    def __init__(self, redispatch_after: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no wait.

        Args:
            redispatch_after: The clock's patience while queues are short.
            clock: Seconds since some moment.
        """
        self._redispatch_after = redispatch_after
        self._clock = clock
        self._lock = threading.Lock()
        self._peak_s = 0.0
        self._peak_at = clock()

    def observe(self, waited_s: float) -> None:
        """Take note of one message's wait."""
        with self._lock:
            now = self._clock()
            self._peak_s = max(waited_s, self._fade(now))
            self._peak_at = now

    @property
    def value_s(self) -> float:
        """The wait to reckon with now, in seconds."""
        with self._lock:
            return self._fade(self._clock())

    @property
    def redispatch_after(self) -> timedelta:
        """How long the next link of a chain may take before it is published again."""
        return stretch(self._redispatch_after, timedelta(seconds=self.value_s))

    def _fade(self, now: float) -> float:
        halvings: float = (now - self._peak_at) / HALF_LIFE_S
        return self._peak_s * math.exp2(-halvings)
