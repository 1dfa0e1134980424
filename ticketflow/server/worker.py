"""gunicorn's worker with threads, for a world where clients dawdle: a thread is given to whole requests only.

gunicorn's own gives a thread to whoever connects and lets it wait there for headers, body and reader: as many clients
as there are threads, none of them with a key, stop everybody. Here the loop gathers requests and sends what is left of
answers, and a client that is too slow, or one too many, loses its place. ADR 0020.
"""

import contextlib
import errno
import io
import resource
import select
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import ThreadWorker

from ticketflow.server.connection import READ_BYTES, Connection, Wait
from ticketflow.server.framing import Stage, TooMuchError
from ticketflow.server.refusals import build_refusal, refuse
from ticketflow.settings import load_settings

# Open files of a process that are not clients: the database's, the broker's, the log's.
OTHER_FILES = 256
MAX_HELD_BYTES = 128 * 1024 * 1024
SWEEP_S = 0.5
ACCEPTS_AT_ONCE = 64


class Worker(ThreadWorker):
    """Serves whole requests from threads, and everything slow from its loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without connections."""
        super().__init__(*args, **kwargs)
        self._max_body_bytes = load_settings().max_body_bytes
        self._waiting: dict[Connection, int] = {}  # and what each holds; who waits for longest comes first
        self._idle: dict[Connection, int] = {}
        self._held_bytes = 0
        self._swept_at_s = 0.0
        self.capacity = self.worker_connections

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what this worker cannot do.

        Raises:
            RuntimeError: It is to speak TLS.
        """
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError("TLS is a proxy's part: leave out --certfile and --keyfile")

    def init_process(self) -> None:
        """Take as many open files as the system allows, and as many clients as fit."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.cfg.worker_connections + OTHER_FILES
        allowed = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < allowed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
        self.capacity = max(min(self.cfg.worker_connections, allowed - OTHER_FILES), self.cfg.threads)
        # Room is made for whoever comes; gunicorn would leave newcomers at the door.
        self.worker_connections = self.capacity + self.cfg.threads
        self.cfg.set("sendfile", value=False)  # it would wait for the client
        super().init_process()

    # -- Who comes and who goes ----------------------------------------------------------------------------------------

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001  # gunicorn's signature
        """Begin or cease to let in; for good, after those who are at the door already, when the worker stops.

        gunicorn's own leaves the door open until it is done: who comes meanwhile waits for nobody, and is cut off at
        last. Who is refused can safely come again, as a proxy does.
        """
        super().set_accept_enabled(enabled)
        while not self.alive and self.sockets:
            listener = self.sockets.pop()
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()

    def accept(self, listener: Any) -> None:
        """Let clients in; for one too many, the one that has waited for longest goes."""
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                raw, client = listener.accept()
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE}:
                    self._make_room()
                elif error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                    raise
                return
            self.nr_conns += 1
            if self.nr_conns > self.capacity:
                self._make_room()
            self._wait(Connection(raw, client, listener.getsockname(), self._max_body_bytes))

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  # gunicorn's signature
        """Part from clients that took too long (or from all if forced)."""
        now_s = time.monotonic()
        if not force and now_s < self._swept_at_s + SWEEP_S:
            return
        self._swept_at_s = now_s
        for connection in [*self._waiting, *self._idle]:
            if not force and connection.deadline_s > now_s:
                continue
            if force or connection.waits_for is not Wait.REQUEST or not connection.received:
                self._drop(connection)
                continue
            self._leave(connection)
            detail = "the request did not arrive in time"
            self._answer(connection, build_refusal(HTTPStatus.REQUEST_TIMEOUT, detail, connection.address))

    def _cap_keepalive(self, deadline: float) -> None:
        for connection in self._idle:
            connection.deadline_s = min(connection.deadline_s, deadline)

    def _make_room(self) -> None:
        """Part from the one that has waited for longest, among those of whom there are more: it is the crowd's."""
        crowd = self._waiting if len(self._waiting) >= len(self._idle) else self._idle
        if crowd:
            self._drop(next(iter(crowd)))

    # -- What connections wait for -------------------------------------------------------------------------------------

    def _wait(self, connection: Connection) -> None:
        """Let a connection wait in the loop."""
        events = selectors.EVENT_WRITE if connection.waits_for is Wait.READER else selectors.EVENT_READ
        self.poller.register(connection.raw, events, partial(self._go_on, connection))
        crowd = self._idle if connection.is_idle else self._waiting
        crowd[connection] = connection.held_bytes
        self._held_bytes += connection.held_bytes
        while self._held_bytes > MAX_HELD_BYTES and self._waiting:
            self._drop(next(iter(self._waiting)))

    def _leave(self, connection: Connection) -> None:
        """Take a connection out of the loop."""
        self.poller.unregister(connection.raw)
        crowd = self._idle if connection in self._idle else self._waiting
        self._held_bytes -= crowd.pop(connection)

    def _drop(self, connection: Connection) -> None:
        self._leave(connection)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self.nr_conns -= 1
        connection.close()

    def _go_on(self, connection: Connection, _raw: socket.socket) -> None:
        """Do what a connection has waited for."""
        if connection.raw.fileno() < 0:  # it was parted from since the loop learnt of this
            return
        try:
            if connection.waits_for is Wait.REQUEST:
                self._gather(connection)
            elif connection.waits_for is Wait.READER:
                connection.sock.flush()
                if not connection.sock.backlog_bytes:
                    self._leave(connection)
                    self._after_answer(connection)
            elif not connection.raw.recv(READ_BYTES):
                self._drop(connection)
        except OSError:
            self._drop(connection)

    def _gather(self, connection: Connection) -> None:
        held_before = self._waiting.get(connection)
        try:
            is_open = connection.receive()
        except TooMuchError as error:
            self._leave(connection)
            self._answer(connection, build_refusal(error.status, error.detail, connection.address))
            return
        if connection.framing.stage is Stage.WHOLE:
            self._leave(connection)
            self._serve(connection)
        elif not is_open:
            self._drop(connection)
        elif held_before is None:  # it was idle
            self._leave(connection)
            self._wait(connection)
        else:
            self._held_bytes += connection.held_bytes - held_before
            self._waiting[connection] = connection.held_bytes

    def _serve(self, connection: Any) -> None:
        self.enqueue_req(connection)

    def _answer(self, connection: Connection, answer: bytes) -> None:
        """Send a last answer from the loop."""
        connection.keeps_alive = False
        with contextlib.suppress(OSError):
            connection.sock.sendall(answer)
        self._after_answer(connection)

    def _after_answer(self, connection: Connection) -> None:
        if connection.sock.backlog_bytes:
            connection.await_reader()
        elif not connection.keeps_alive:
            connection.await_end()
        else:
            connection.await_request(self.cfg.keepalive if self.alive else 2.0)
            try:
                connection.follow()
            except TooMuchError as error:
                self._answer(connection, build_refusal(error.status, error.detail, connection.address))
                return
            if connection.framing.stage is Stage.WHOLE:
                self._serve(connection)
                return
        self._wait(connection)

    # -- Whole requests ------------------------------------------------------------------------------------------------

    def handle(self, conn: Any) -> bool:
        """Serve a request that is whole, in a thread; tells whether the connection may serve another."""
        request: Any = None
        try:
            conn.parser = RequestParser(self.cfg, [conn.take_request()], conn.client)
            request = next(conn.parser)
            request._expected_100_continue = False  # noqa: SLF001  # that was answered while the body was awaited
            # Here and now: a body that is broken is no fault of the application.
            request.body = io.BytesIO(request.body.read())
            if not conn.keeps_alive:
                request.force_close()
            return bool(self.handle_request(request, conn))
        except StopIteration:  # an answer broke off in the middle: so does the connection
            self.log.debug("Closing connection.")
        except (BrokenPipeError, ConnectionError, TimeoutError) as error:
            self.log.debug("The client is gone: %s", error)
        except Exception as error:  # noqa: BLE001  # the last to see it
            self.handle_error(request, conn.sock, conn.client, error)
        return False

    def handle_error(self, _req: Any, client: Any, addr: Any, exc: Any) -> None:
        """Answer what is no request, or what the application has failed at, with a problem."""
        address = str(addr[0]) if isinstance(addr, tuple) else "unix"
        with contextlib.suppress(OSError):
            client.sendall(refuse(exc, address))

    def finish_request(self, conn: Any, fs: "Future[bool]") -> None:
        """Take a connection back from its thread."""
        conn.keeps_alive = conn.keeps_alive and not fs.cancelled() and fs.exception() is None and fs.result()
        try:
            self._after_answer(conn)
        except OSError:
            self._close(conn)
