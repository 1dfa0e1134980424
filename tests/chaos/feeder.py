"""Callers who send tickets, repeat what failed with the same key, and write down what was promised."""

import threading
from collections.abc import Mapping
from queue import SimpleQueue

import httpx

from tests.chaos.history import History

CALLERS = 4
PAUSE_S = 0.2
TIMEOUT_S = 8.0


class Feeder:
    """Sends tickets in portions, each when it is released."""

    def __init__(self, url: str, key: str, history: History, keys: str = "chaos") -> None:
        """Choose where to send to, and how the idempotency keys begin; ``start`` begins."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._history = history
        self._keys = keys
        self._released: SimpleQueue[int | None] = SimpleQueue()
        self._is_stopped = threading.Event()
        self._callers = [threading.Thread(target=self._call, daemon=True) for _ in range(CALLERS)]
        self._count = 0
        self.accepted: list[str] = []

    def start(self) -> None:
        """Begin to send what is released."""
        for caller in self._callers:
            caller.start()

    def release(self, count: int) -> None:
        """Let the callers send some more."""
        for number in range(self._count, self._count + count):
            self._released.put(number)
        self._count += count

    def stop(self) -> None:
        """Give up what is not accepted yet."""
        self._is_stopped.set()
        for _ in self._callers:
            self._released.put(None)
        for caller in self._callers:
            caller.join()

    def _call(self) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=TIMEOUT_S) as client:
            while (number := self._released.get()) is not None:
                self._submit(client, number)

    def _submit(self, client: httpx.Client, number: int) -> None:
        """Send one ticket until it is accepted."""
        subject = "Password, revise" if number % 10 == 0 else "Password"
        new = {"subject": subject, "body": f"How do I reset my password? {number:05}"}
        while not self._is_stopped.is_set():
            ticket_id = send(client, new, f"{self._keys}-{number}")
            if ticket_id:
                self._history.record("accepted", ticket=ticket_id)
                self.accepted.append(ticket_id)
                return
            self._is_stopped.wait(PAUSE_S)


def send(client: httpx.Client, new: Mapping[str, str], key: str) -> str | None:
    """Send a ticket; return its id when it is accepted, and None when it is worth sending again."""
    try:
        answer = client.post("/tickets", json=new, headers={"Idempotency-Key": key})
    except httpx.TransportError:
        return None
    if answer.status_code == httpx.codes.ACCEPTED:
        return str(answer.json()["id"])
    # In doubt, out of order, or busy with the same request: anything else would be our own mistake.
    assert answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.CONFLICT, (
        answer.text
    )
    return None
