"""Clients that take their time, by the hundred: for headers, for bodies, for reading, or for nothing at all."""

import contextlib
import itertools
import resource
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

HEADERS = b"GET /healthz HTTP/1.1\r\nHost: dawdler\r\nX-Slow: "
BODY = b"POST /tickets HTTP/1.1\r\nHost: dawdler\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
CHUNKS = b"POST /tickets HTTP/1.1\r\nHost: dawdler\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"
READING = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: dawdler\r\n\r\n" * 4
SILENCE = b""
IDLING = b"GET /healthz HTTP/1.1\r\nHost: dawdler\r\n\r\n"
KINDS = (HEADERS, BODY, CHUNKS, READING, SILENCE, IDLING)
PACE_S = 1.0


class Dawdlers:
    """Holds connections open while its block runs: each sends its beginning, and then a byte a second.

    One that is hung up on comes again.

    Attributes:
        hung_up: How often one was hung up on.
    """

    def __init__(self, port: int, count: int, kinds: tuple[bytes, ...] = KINDS) -> None:
        """Name a port of this machine and how many come."""
        self._door = ("127.0.0.1", port)
        self._count = count
        self._beginnings: Iterator[bytes] = itertools.cycle(kinds)
        self._clients: dict[socket.socket, bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._dawdle, daemon=True)
        self.hung_up = 0

    def __enter__(self) -> Self:
        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, max(soft, self._count + 1024)), most))
        for _ in range(self._count):
            self._come()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _come(self) -> None:
        beginning = next(self._beginnings)
        client = socket.create_connection(self._door, timeout=10)
        if beginning == READING:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(beginning)
        client.setblocking(False)  # noqa: FBT003  # the socket's signature
        self._clients[client] = beginning

    def _dawdle(self) -> None:
        while not self._stop.wait(PACE_S):
            for client, beginning in list(self._clients.items()):
                if not self._send_a_byte(client, beginning):
                    self.hung_up += 1
                    del self._clients[client]
                    client.close()
                    with contextlib.suppress(OSError):
                        self._come()

    def _send_a_byte(self, client: socket.socket, beginning: bytes) -> bool:
        """Say whether the client is still let in."""
        try:
            if beginning in (HEADERS, BODY, CHUNKS):
                client.send(b"x")
            if beginning != READING and not client.recv(4096):
                return False
        except BlockingIOError:
            return True
        except OSError:
            return False
        return beginning in (IDLING, READING)
