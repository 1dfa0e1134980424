"""A POST to an address a stranger chose: bounded in time, no redirects, and not into our own network.

An address is looked up once and checked, and the connection goes to what was checked: a name that answers
differently a moment later leads nowhere else.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

from ticketflow.adapters.webhook_address import NOT_PUBLIC, is_public
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

Resolve = Callable[[str, int], list[str]]
"""Looks a host's IP addresses up; raises ``OSError`` or ``UnicodeError`` when it cannot."""

_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,
    OSError,
)


class UndeliveredError(TransientError):
    """Nobody answered, or nobody was asked; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered.

    Attributes:
        retry_after: Its ``Retry-After`` header, as it came.
    """

    status: int
    retry_after: str | None = None


class WebhookPost:
    """Sends requests; may be shared between threads. Each has a connection of its own."""

    def __init__(self, timeout_s: float, *, allow_private: bool, resolve: Resolve | None = None) -> None:
        """Give each request so many seconds in all, name look-up included; ``resolve`` is this machine's by default."""
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._resolve = resolve or look_up
        self._ssl_context = httpcore.default_ssl_context()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request and return the answer's head; nobody reads the rest.

        Raises:
            UndeliveredError: There was no answer in time, or the address is not one to send to.
        """
        deadline = time.monotonic() + self._timeout_s

        def left_s() -> float:
            left = deadline - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout
            return left

        network = _CheckedNetwork(left_s, self._resolve, allow_private=self._allow_private)
        sent = list(headers.items())
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._ssl_context, network_backend=network) as pool,
                pool.stream("POST", url, headers=sent, content=body) as response,
            ):
                known = {name.lower(): value for name, value in response.headers}
                return Answer(response.status, known.get(b"retry-after", b"").decode("ascii", "replace") or None)
        except httpcore.TimeoutException:
            raise UndeliveredError(f"no answer within {self._timeout_s:g} s") from None
        except httpcore.ProtocolError:
            # Its text quotes what came, and the endpoint's owner may read it: whatever it is, it is not theirs to see.
            raise UndeliveredError("what was answered is not HTTP") from None
        except _FAILURES as error:
            raise UndeliveredError(f"{type(error).__name__}: {error}"[:300]) from None


def look_up(host: str, port: int) -> list[str]:
    """Look a host's IP addresses up as this machine does."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to addresses that were checked, until the time is up."""

    def __init__(self, left_s: Callable[[], float], resolve: Resolve, *, allow_private: bool) -> None:
        self._left_s = left_s
        self._look_up = resolve
        self._allow_private = allow_private
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the whole request has one
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of a host's addresses that takes it."""
        failure: Exception = UndeliveredError(f"{host} has no address")
        for address in self._resolve(host, port):
            try:
                stream = self._network.connect_tcp(address, port, self._left_s(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._left_s)
        raise failure

    def _resolve(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            raise UndeliveredError(f"cannot look {host} up: {error}") from None
        allowed = [address for address in addresses if self._allow_private or is_public(address)]
        if addresses and not allowed:
            # The operator may know where it led; whoever registered it could map our network by it.
            log.warning("webhook.address_refused", host=host, addresses=addresses)
            raise UndeliveredError(f"{host} has {NOT_PUBLIC}")
        return allowed


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no wait is longer than what is left."""

    def __init__(self, stream: httpcore.NetworkStream, left_s: Callable[[], float]) -> None:
        self._stream = stream
        self._left_s = left_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._left_s()), self._left_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
