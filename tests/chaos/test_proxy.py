import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.harness.proxy import Mode, Proxy
from tests.harness.wait import wait_until

SILENCE_S = 0.3


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets."""

    def handle(self):
        with contextlib.suppress(ConnectionResetError):  # a cut is what the proxy is for
            while chunk := self.request.recv(1024):
                self.request.sendall(chunk)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", echo) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as client:
        assert ask(client, b"hello") == b"hello"
        yield client


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def ask(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(1024)


def is_silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE_S)
    try:
        client.recv(1024)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)
    return False


def test_a_url_leads_through_the_proxy(proxy):
    url = proxy.build_url("amqp://guest:guest@127.0.0.1:5672/a-vhost")

    assert url == f"amqp://guest:guest@127.0.0.1:{proxy.port}/a-vhost"


def test_a_cut_resets_what_is_open_and_what_comes(proxy, client):
    with proxy.misbehaving(Mode.CUT):
        with pytest.raises(ConnectionError):
            client.recv(1024)
        with connect(proxy) as late, pytest.raises(ConnectionError):
            ask(late, b"anybody?") or pytest.fail("the connection was closed in order")

    with connect(proxy) as again:
        assert ask(again, b"back") == b"back"


def test_a_black_hole_swallows_and_resets_when_it_ends(proxy, client):
    with proxy.misbehaving(Mode.BLACK_HOLE):
        client.sendall(b"lost")
        with connect(proxy) as late:
            late.sendall(b"lost too")
            assert is_silent(client)
            assert is_silent(late)

    with pytest.raises(ConnectionError):
        client.recv(1024)


def test_what_was_frozen_arrives_late(proxy, client):
    with proxy.misbehaving(Mode.FREEZE):
        client.sendall(b"late")
        assert is_silent(client)

    assert client.recv(1024) == b"late"


def test_a_half_open_connection_looks_open_to_the_client(proxy, client):
    with proxy.misbehaving(Mode.HALF_OPEN):
        assert is_silent(client)
        client.sendall(b"to nobody")
        assert is_silent(client)

    with pytest.raises(ConnectionError):
        client.recv(1024)


def test_latency_holds_back_both_directions(proxy, client):
    proxy.delay(0.2)
    started = time.monotonic()

    assert ask(client, b"slow") == b"slow"

    assert time.monotonic() - started >= 0.4


def test_a_client_that_leaves_leaves_nothing_behind(proxy, client):
    client.close()

    wait_until(lambda: proxy.links == 0, 10, "the proxy has let go")
