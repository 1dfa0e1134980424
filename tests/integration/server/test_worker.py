"""A server on which nobody can sit: dawdlers cost no thread, and whatever is no request is told so."""

import json
import socket
import sys
import time
from contextlib import closing

import httpx
import pytest

from tests.harness.dawdlers import Dawdlers
from tests.harness.processes import find_free_port, start_process
from tests.harness.wait import wait_until

POST = b"POST /said HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    port = find_free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:tests.harness.impatient", "tests.harness.echo:app"]
    log = tmp_path_factory.mktemp("server") / "gunicorn.log"
    with start_process([*gunicorn, "--bind", f"127.0.0.1:{port}"], {}, log) as server:
        server.wait_for_port(port)
        yield port


@pytest.fixture
def client(port):
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
        yield client


def read_all(client: socket.socket) -> bytes:
    """Read until the server hangs up."""
    answer = b""
    while chunk := client.recv(65536):
        answer += chunk
    return answer


def ask(client: socket.socket, request: bytes) -> tuple[int, dict]:
    """Send something that is answered and hung up on."""
    client.sendall(request)
    head, _, body = read_all(client).partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"x-request-id: " in head.lower()
    return int(head.split()[1]), json.loads(body)


def test_ordinary_requests_are_answered_at_once_while_hundreds_dawdle(port):
    with Dawdlers(port, 300), httpx.Client(base_url=f"http://127.0.0.1:{port}") as ordinary:
        began_at = time.monotonic()
        answers = [ordinary.post("/said", content=f"body {number}") for number in range(20)]

        assert time.monotonic() - began_at < 5
    assert [answer.json()["body"] for answer in answers] == [f"body {number}" for number in range(20)]


def test_more_clients_than_there_are_places_keep_nobody_out(port):
    with Dawdlers(port, 600):
        assert httpx.get(f"http://127.0.0.1:{port}/said").json()["path"] == "/said"


@pytest.mark.parametrize(
    "beginning",
    [
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        POST + b"Content-Length: 1000\r\n\r\nab",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_request_that_does_not_arrive_in_time_is_told_so(client, beginning):
    status, problem = ask(client, beginning)

    assert (status, problem["status"], problem["title"]) == (408, 408, "Request Timeout")


def test_who_sends_nothing_is_hung_up_on(client):
    assert read_all(client) == b""


def test_who_reads_nothing_is_hung_up_on(port):
    with closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        client.settimeout(30)
        wait_until(lambda: is_hung_up_on(client), 30, "the connection is closed")


def is_hung_up_on(client: socket.socket) -> bool:
    """Say whether the server has gone; without reading what it has sent."""
    try:
        client.send(b"x")
    except OSError:
        return True
    return False


def test_who_reads_slowly_gets_everything(client):
    client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert len(read_all(client).partition(b"\r\n\r\n")[2]) == 8_000_000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2;\x01\r\nab\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nbad trailer\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: other\r\n\r\n", 501),
        (POST + b"Expect: miracles\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n", 413),
        (b"GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n", 500),
    ],
)
def test_whatever_is_no_request_is_answered_with_a_problem(client, request_, status):
    answered, problem = ask(client, request_)

    assert (answered, problem["status"]) == (status, status)
    assert "secret" not in str(problem)


def test_requests_sent_ahead_are_answered_in_turn(client):
    first = POST + b"Content-Length: 3\r\n\r\none"
    second = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
    last = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    client.sendall(first + second + last)

    answers = read_all(client)

    assert [answers.index(b'"body": "one"') < answers.index(b'"body": "two"') < answers.index(b'"/last"')] == [True]


def test_a_client_that_asks_first_is_told_to_go_on(client):
    client.sendall(POST + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")

    assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"body")
    assert b'"body": "body"' in read_all(client)


@pytest.mark.parametrize("named", ["SCRIPT_NAME", "Script_Name", "script_name"])
@pytest.mark.parametrize("mount", ["/zzz", "/tickets", "", "/"])
def test_no_header_moves_the_application(port, named, mount):
    said = httpx.get(f"http://127.0.0.1:{port}/tickets/metrics", headers={named: mount})

    assert (said.status_code, said.json()["path"], said.json()["mounted"]) == (200, "/tickets/metrics", "")


def test_nobody_is_believed_about_the_scheme(port):
    claims = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl"}

    assert httpx.get(f"http://127.0.0.1:{port}/said", headers=claims).json()["scheme"] == "http"
