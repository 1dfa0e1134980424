"""A client's connection: what has been received of a request, and what of an answer is still to be sent."""

import contextlib
import socket
import time
from collections import deque
from enum import Enum, auto
from typing import Any

from ticketflow.server.framing import Framing, Stage

# Apache's mod_reqtimeout is as patient. A client that is slower costs a place, but never a thread.
HEAD_TIMEOUT_S = 10.0
BODY_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 30.0
LEAST_BYTES_PER_S = 1024
# RFC 9112 §9.6: what is still on its way to a closed port would destroy the answer at its reader.
LINGER_S = 2.0
READ_BYTES = 64 * 1024


class Wait(Enum):
    """What a connection without a thread waits for."""

    REQUEST = auto()
    READER = auto()
    END = auto()


class Connection:
    """One connection. Belongs to the loop or to one thread, never to both.

    Attributes:
        sock: What gunicorn and the application see of it.
        client: The peer's address and port, or what a Unix socket has.
        server: Our own address and port.
        waits_for: What it waits for in the loop.
        deadline_s: When, on the monotonic clock, it has waited for long enough.
        keeps_alive: Whether another request may follow the answer.
        parser: gunicorn's, of the request under way.
    """

    def __init__(self, raw: socket.socket, client: Any, server: Any, max_body_bytes: int) -> None:
        """Begin before the first request."""
        raw.setblocking(False)  # noqa: FBT003  # the socket's signature
        self.raw, self.client, self.server = raw, client, server
        self._max_body_bytes = max_body_bytes
        self.framing = Framing(max_body_bytes)
        self.received = bytearray()
        self.sock = Outlet(raw)
        self.waits_for = Wait.REQUEST
        self.deadline_s = time.monotonic() + HEAD_TIMEOUT_S
        self.keeps_alive = True
        self.parser: Any = None
        self._body_since_s = 0.0
        self._head_since_s: float | None = self.deadline_s - HEAD_TIMEOUT_S

    @property
    def address(self) -> str:
        """The peer's address."""
        return str(self.client[0]) if isinstance(self.client, tuple) else "unix"

    @property
    def is_idle(self) -> bool:
        """Whether it waits for another request and nothing of that is there."""
        return self.waits_for is Wait.REQUEST and self._head_since_s is None

    @property
    def held_bytes(self) -> int:
        """Bytes that the connection keeps in memory."""
        return len(self.received) + self.sock.backlog_bytes

    def receive(self) -> bool:
        """Take in what has arrived.

        Returns:
            Whether the client may send more.

        Raises:
            TooMuchError: It sent more of something than is read.
            OSError: The connection is broken.
        """
        try:
            chunk = self.raw.recv(READ_BYTES)
        except BlockingIOError:
            return True
        self.received += chunk
        self.follow()
        return bool(chunk)

    def follow(self) -> None:
        """Look how far the request has come, and until when the rest must be there."""
        if not self.received:
            return
        now_s = time.monotonic()
        if self._head_since_s is None:
            self._head_since_s = now_s
        was, self.deadline_s = self.framing.stage, self._head_since_s + HEAD_TIMEOUT_S
        self.framing.follow(self.received)
        if self.framing.stage is Stage.BODY:
            if was is Stage.HEAD:
                self._body_since_s = now_s
            self.deadline_s = self._body_since_s + BODY_TIMEOUT_S + len(self.received) / LEAST_BYTES_PER_S
        if self.framing.wants_continue:
            self.framing.wants_continue = False
            with contextlib.suppress(OSError):
                self.raw.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take_request(self) -> bytes:
        """Take the request that is whole, and begin with the next one."""
        end = self.framing.end
        request = bytes(self.received[:end])
        self.keeps_alive = not self.framing.is_cut
        del self.received[:end]
        self.framing = Framing(self._max_body_bytes)
        self._head_since_s = None
        return request

    def await_request(self, patience_s: float) -> None:
        """Wait for the next request; for its first byte, longer than for those after it."""
        self.waits_for, self.deadline_s = Wait.REQUEST, time.monotonic() + patience_s

    def await_reader(self) -> None:
        """Wait until the client has taken the rest of the answer."""
        self.waits_for = Wait.READER
        self.deadline_s = time.monotonic() + SEND_TIMEOUT_S + self.sock.backlog_bytes / LEAST_BYTES_PER_S

    def await_end(self) -> None:
        """Say that nothing more comes, and wait for the client to hang up."""
        self.received.clear()
        self.waits_for, self.deadline_s = Wait.END, time.monotonic() + LINGER_S
        with contextlib.suppress(OSError):
            self.raw.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.raw.close()


class Outlet:
    """The socket as gunicorn and the application see it: takes an answer at once, whatever the client's pace."""

    def __init__(self, raw: socket.socket) -> None:
        """Begin with nothing to send."""
        self._raw = raw
        self._backlog: deque[memoryview] = deque()
        self.backlog_bytes = 0
        self._stuck_since_s = 0.0

    def fileno(self) -> int:
        """Return the descriptor, for who wants to know whether the client is still there."""
        return self._raw.fileno()

    def sendall(self, data: bytes) -> None:
        """Send, and keep for later what the client does not take now.

        Raises:
            OSError: The client is gone, or takes nothing of what was sent half a minute ago.
        """
        if not self._backlog:
            self._stuck_since_s = time.monotonic()
        self._backlog.append(memoryview(data))
        self.backlog_bytes += len(data)
        self.flush()
        if self._backlog and time.monotonic() - self._stuck_since_s > SEND_TIMEOUT_S:
            raise TimeoutError("the client does not read")

    def flush(self) -> None:
        """Send as much of the backlog as the client takes.

        Raises:
            OSError: The client is gone.
        """
        while self._backlog:
            try:
                sent = self._raw.send(self._backlog[0])
            except BlockingIOError:
                return
            self._stuck_since_s = time.monotonic()
            self.backlog_bytes -= sent
            if sent < len(self._backlog[0]):
                self._backlog[0] = self._backlog[0][sent:]
            else:
                self._backlog.popleft()

    def shutdown(self, _how: int) -> None:
        """Leave it to the loop: gunicorn would wait for the client here, in a thread.

        Raises:
            OSError: Always, which makes gunicorn leave it.
        """
        raise OSError("the loop ends connections")

    def close(self) -> None:
        """Do nothing: the worker's loop closes connections."""
