"""A TCP proxy on loopback that can be told to misbehave like a network."""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 65536
POLL_S = 0.05
# Linger on, for 0 seconds: close() sends RST instead of FIN, see socket(7).
_RESET = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What the proxy does with what it is given."""

    PASS = auto()
    CUT = auto()  # connections are reset, new ones too
    BLACK_HOLE = auto()  # everything is accepted and swallowed, nothing comes back
    FREEZE = auto()  # nothing gets through for now; all of it does later, as TCP has it
    HALF_OPEN = auto()  # the server's side is closed, the client hears nothing of it


class Link:
    """One connection through the proxy.

    Attributes:
        is_spoilt: Bytes of it were lost.
        is_ended: Both halves are to be closed, in order or, when ``is_reset``, at once.
    """

    def __init__(self, client: socket.socket) -> None:
        """Take over an accepted connection; its other half is opened when the mode allows."""
        self.client = client
        self.server: socket.socket | None = None
        self.is_spoilt = False
        self.is_ended = False
        self.is_reset = False

    def leave_half_open(self) -> None:
        """Let the server see the end of the connection, and the client nothing."""
        self.is_spoilt = True
        if self.server is not None:
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Have both halves ended at once, as a firewall that forgot the connection would."""
        self.is_reset = self.is_ended = True

    def close(self) -> None:
        """Close both halves; nobody may be using them any more."""
        for half in (self.client, self.server):
            if half is not None:
                if self.is_reset:
                    half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                half.close()


class Proxy:
    """Listens on a port of its own and passes every connection on to one server.

    A connection that lost bytes on the way is reset when the fault ends: no stream ever arrives
    with a hole in it.
    """

    def __init__(self, host: str, port: int) -> None:
        """Choose the server; ``start`` begins to listen."""
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self._mode = Mode.PASS
        self._latency_s = 0.0
        self._is_passing = threading.Event()
        self._is_passing.set()
        self._is_stopped = threading.Event()
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def links(self) -> int:
        """Return how many connections are open."""
        with self._lock:
            return len(self._links)

    def start(self) -> None:
        """Begin to accept connections."""
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def stop(self) -> None:
        """Reset every connection and stop listening."""
        self._is_stopped.set()
        self._is_passing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset_all()

    def build_url(self, url: str) -> str:
        """Return ``url`` with the proxy in place of its server."""
        parts = urlsplit(url)
        login, separator, _ = parts.netloc.rpartition("@")
        return url.replace(parts.netloc, f"{login}{separator}127.0.0.1:{self.port}", 1)

    def delay(self, latency_s: float) -> None:
        """Hold back each chunk, in both directions, for ``latency_s`` seconds; 0 stops that."""
        self._latency_s = latency_s

    def apply(self, mode: Mode) -> None:
        """Begin to misbehave, with the connections that are open as with new ones."""
        self._mode = mode
        self._is_passing.clear()
        if mode is Mode.CUT:
            self._reset_all()
        if mode is Mode.HALF_OPEN:
            for link in self._list_links():
                link.leave_half_open()

    def heal(self) -> None:
        """Behave again; connections that lost bytes are reset, the others go on where they were."""
        for link in self._list_links():
            if link.is_spoilt:
                link.reset()
        self._mode = Mode.PASS
        self._is_passing.set()

    @contextmanager
    def misbehaving(self, mode: Mode) -> Iterator[None]:
        """Misbehave for as long as the block lasts."""
        self.apply(mode)
        try:
            yield
        finally:
            self.heal()

    def _accept(self) -> None:
        while not self._is_stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            link = Link(client)
            with self._lock:
                self._links.add(link)
            threading.Thread(target=self._serve, args=(link,), name="proxy", daemon=True).start()

    def _serve(self, link: Link) -> None:
        try:
            self._wait(link)
            link.server = socket.create_connection(self._target, timeout=5.0)
            back = threading.Thread(target=self._pump, args=(link, link.server, link.client), daemon=True)
            back.start()
            self._pump(link, link.client, link.server)
            back.join()
        except OSError:
            link.reset()
        finally:
            link.close()
            with self._lock:
                self._links.discard(link)

    def _pump(self, link: Link, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes one way until either side ends, then end the other side too."""
        try:
            while not link.is_ended:
                if not select.select([source], [], [], POLL_S)[0]:
                    continue
                chunk = source.recv(CHUNK_BYTES)
                if not chunk:
                    self._is_passing.wait()  # the end of a connection gets through no better than the rest
                    break
                if self._latency_s:
                    self._is_stopped.wait(self._latency_s)
                if not self._is_swallowed(link):
                    _send(link, sink, chunk)
        except OSError:
            link.reset()
        if source is link.client or self._mode is not Mode.HALF_OPEN:
            link.is_ended = True

    def _is_swallowed(self, link: Link) -> bool:
        """Wait while nothing may pass; say whether the chunk at hand is lost."""
        if self._is_passing.is_set():
            return link.is_spoilt
        if self._mode in {Mode.BLACK_HOLE, Mode.HALF_OPEN}:
            link.is_spoilt = True
            return True
        self._is_passing.wait()
        return link.is_spoilt

    def _wait(self, link: Link) -> None:
        """Keep a new connection waiting while nothing may pass.

        Raises:
            ConnectionError: What the client said is lost, or the network refuses it.
        """
        while not self._is_passing.wait(POLL_S):
            if self._mode is Mode.CUT:
                raise ConnectionError("cut")
            if self._mode is not Mode.FREEZE and select.select([link.client], [], [], 0)[0]:
                link.is_spoilt = True
                if not link.client.recv(CHUNK_BYTES):
                    break
        if link.is_spoilt or link.is_ended:
            raise ConnectionError("the client said something into the black hole")

    def _list_links(self) -> list[Link]:
        with self._lock:
            return list(self._links)

    def _reset_all(self) -> None:
        for link in self._list_links():
            link.reset()


def _send(link: Link, sink: socket.socket, chunk: bytes) -> None:
    """Send all of a chunk, however slowly the other side reads, unless the connection ends meanwhile."""
    while chunk and not link.is_ended:
        if select.select([], [sink], [], POLL_S)[1]:
            chunk = chunk[sink.send(chunk, socket.MSG_DONTWAIT) :]
