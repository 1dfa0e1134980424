"""Seats: a request that waits for a ticket keeps a thread of the server busy, so there are only so many of them."""

import select
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request

# This many requests may wait in one process; run it with more threads than that (32 leave 8), and waiting never keeps a
# ticket out.
WAITING_SEATS = 24
# Linux's own; a client that has sent something ahead and hung up is seen by nothing else.
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Seat:
    """A request's right to wait; its client may hang up, and others may need the seat more."""

    def __init__(self, caller: str, client: int | None) -> None:
        """Seat a caller whose connection has this descriptor, if it is known."""
        self.caller = caller
        self._client = client
        self._lost = threading.Event()

    def give_up(self) -> None:
        """Take the seat away; it is noticed within a pause."""
        self._lost.set()

    def pause(self, pause_s: float) -> bool:
        """Wait a while.

        Returns:
            Whether to go on: False as soon as the client has hung up, and once somebody else has the seat.
        """
        if self._client is None:
            return not self._lost.wait(pause_s)
        poller = select.poll()
        poller.register(self._client, _GONE)
        return not poller.poll(pause_s * 1000) and not self._lost.is_set()


class Seats:
    """The seats of one process, shared out fairly: a key may have all while nobody else wants one."""

    def __init__(self, number: int = WAITING_SEATS) -> None:
        """Begin with all of them free."""
        self._number = number
        self._lock = threading.Lock()
        self._taken: list[Seat] = []  # who sits for longest comes first

    @contextmanager
    def take(self, caller: str, client: int | None) -> Iterator[Seat | None]:
        """Take a seat for as long as the block lasts; ``None`` when there is none for this caller.

        When all are taken, a caller who has fewer gets one of whoever has the most: its longest wait ends early.
        """
        seat = None
        with self._lock:
            if len(self._taken) < self._number or self._free_one_for(caller):
                seat = Seat(caller, client)
                self._taken.append(seat)
        try:
            yield seat
        finally:
            with self._lock:
                if seat in self._taken:
                    self._taken.remove(seat)

    def _free_one_for(self, caller: str) -> bool:
        if not self._taken:
            return False
        numbers = Counter(seat.caller for seat in self._taken)
        (greediest, most), *_ = numbers.most_common(1)
        if most <= numbers[caller] + 1:
            return False
        longest = next(seat for seat in self._taken if seat.caller == greediest)
        longest.give_up()
        self._taken.remove(longest)
        return True


def find_client() -> int | None:
    """Return the descriptor of the connection this request came through, where the server tells."""
    connection: Any = request.environ.get("gunicorn.socket")
    descriptor: int | None = connection.fileno() if connection is not None else None
    return descriptor
