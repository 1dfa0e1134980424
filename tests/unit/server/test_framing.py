"""Where a request ends, however its bytes arrive."""

import pytest

from ticketflow.server.framing import MAX_HEAD_BYTES, MAX_LINE_BYTES, Framing, Stage, TooMuchError

LIMIT = 100
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n"


def follow(request: bytes, step: int) -> Framing:
    """Let a request arrive in pieces."""
    framing, received = Framing(LIMIT), bytearray()
    while len(received) < len(request) and framing.stage is not Stage.WHOLE:
        received += request[len(received) : len(received) + step]
        framing.follow(received)
    return framing


@pytest.mark.parametrize("request_", [GET, b"\r\n" + GET, POST, CHUNKED])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_a_request_is_whole_with_its_last_byte_and_not_before(request_, step):
    whole, short = follow(request_, step), follow(request_[:-1], step)

    assert (whole.stage, whole.end, whole.is_cut) == (Stage.WHOLE, len(request_), False)
    assert short.stage is not Stage.WHOLE


def test_what_follows_belongs_to_the_next_request():
    assert follow(POST + GET, 1000).end == len(POST)
    assert follow(CHUNKED + GET, 1000).end == len(CHUNKED)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5_0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
        b"POST / HTTP/1.1\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_what_cannot_be_followed_is_not_waited_for(request_):
    framing = follow(request_, 1000)

    assert (framing.stage, framing.is_cut) == (Stage.WHOLE, True)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * MAX_LINE_BYTES, 414),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MAX_HEAD_BYTES // 6), 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"1;a=" + b"b" * 1000 + b"\r\nx\r\n") * 90, 413),
    ],
)
def test_too_much_is_told_as_soon_as_it_is_seen(request_, status):
    with pytest.raises(TooMuchError) as told:
        follow(request_ + b"0;" * MAX_HEAD_BYTES, 1000)

    assert told.value.status == status


def test_a_client_that_asks_first_is_told_to_go_on():
    asking = POST.replace(b"\r\n\r\nabcde", b"\r\nExpect: 100-Continue\r\n\r\n")

    assert follow(asking, 1000).wants_continue
    assert not follow(asking.replace(b"/1.1", b"/1.0"), 1000).wants_continue
    assert not follow(asking.replace(b"Length: 5", b"Length: 500"), 1000).wants_continue
