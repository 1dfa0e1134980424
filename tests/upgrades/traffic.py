"""Callers who send tickets at a steady pace, whatever becomes of the ones before, and note how long each took."""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from tests.chaos.history import History

CALLERS = 32
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Sent:
    """A ticket that was sent.

    Attributes:
        seconds: From when it was to be sent until the answer.
        result: The status, or what went wrong on the way.
    """

    at: float
    seconds: float
    result: int | str


class Traffic:
    """Sends so many tickets a second, in turn to each of the addresses, while it is entered.

    Attributes:
        urls: May change on the way.
    """

    def __init__(self, urls: Sequence[str], key: str, rate: float, history: History) -> None:
        """Choose where to and how fast."""
        self.urls = list(urls)
        self.sent: list[Sent] = []
        self._pace_s = 1 / rate
        self._history = history
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CALLERS, max_keepalive_connections=CALLERS),
        )
        self._callers = ThreadPoolExecutor(CALLERS)
        self._calls: list[Future[None]] = []
        self._is_over = threading.Event()
        self._clock = threading.Thread(target=self._tick)

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def settle(self) -> None:
        """Wait for the answers to all calls until now."""
        wait(list(self._calls))

    def stop(self) -> None:
        """Send no more, and wait for the answers."""
        self._is_over.set()
        self._clock.join()
        self._callers.shutdown()
        self._client.close()

    def _tick(self) -> None:
        began_at = time.monotonic()
        for number in itertools.count():
            at = began_at + number * self._pace_s
            if self._is_over.wait(max(0.0, at - time.monotonic())):
                return
            self._calls.append(self._callers.submit(self._send, number, at))

    def _send(self, number: int, at: float) -> None:
        subject = "Password, revise" if number % 10 == 0 else "Password"
        new = {"subject": subject, "body": f"How do I reset my password? {number:05}"}
        url = self.urls[number % len(self.urls)]
        try:
            answer = self._client.post(f"{url}/tickets", json=new, headers={"Idempotency-Key": f"upgrade-{number}"})
        except httpx.TransportError as error:
            self.sent.append(Sent(at, time.monotonic() - at, type(error).__name__))
            return
        self.sent.append(Sent(at, time.monotonic() - at, answer.status_code))
        if answer.status_code == httpx.codes.ACCEPTED:
            self._history.record("accepted", ticket=answer.json()["id"])
