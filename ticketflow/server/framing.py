"""Follows a request while its bytes arrive: where it ends, and what is too much. gunicorn parses it afterwards."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

# GET /tickets with every parameter as long as its description allows, each character percent-encoded, is 18 KB.
MAX_LINE_BYTES = 32 * 1024
MAX_HEAD_BYTES = 64 * 1024
MAX_CHUNK_LINE_BYTES = 8 * 1024

_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_LENGTH = re.compile(rb"[0-9]{1,16}")


class Stage(Enum):
    """How much of a request is there."""

    HEAD = auto()
    BODY = auto()
    WHOLE = auto()


@dataclass(frozen=True, slots=True)
class TooMuchError(Exception):
    """More of something than is read; the client is told by a status."""

    status: HTTPStatus
    detail: str


class Framing:
    """Where one request ends.

    What cannot be followed counts as whole: the parser, which sees it next, says what is wrong with it.

    Attributes:
        stage: How much of it is there.
        end: Behind its last byte, once it is whole.
        is_cut: Whether it has no end that could be waited for: the connection ends with the answer.
        wants_continue: Whether the client waits for ``100 Continue`` before it sends the body.
    """

    def __init__(self, max_body_bytes: int) -> None:
        """Begin before the first byte."""
        self._max_body_bytes = max_body_bytes
        self.stage = Stage.HEAD
        self.end = 0
        self.is_cut = False
        self.wants_continue = False
        self._at = 0
        self._left = 0
        self._body_bytes = 0
        self._is_chunked = False
        self._is_in_trailers = False

    def follow(self, received: bytearray) -> None:
        """Take note of what has been received so far, from the request's first byte.

        Raises:
            TooMuchError: A line, the head or the body is longer than what is read.
        """
        if self.stage is Stage.HEAD:
            self._follow_head(received)
        if self.stage is Stage.BODY:
            if self._is_chunked:
                self._follow_chunks(received)
            elif len(received) >= self._at + self._left:
                self._finish(self._at + self._left)

    def _finish(self, end: int, *, is_cut: bool = False) -> None:
        self.stage, self.end, self.is_cut = Stage.WHOLE, end, is_cut

    def _follow_head(self, received: bytearray) -> None:
        start = 2 if received.startswith(b"\r\n") else 0  # one empty line is let pass (RFC 9112 §2.2)
        end = received.find(b"\r\n\r\n", max(start, self._at - 3))
        line_end = received.find(b"\r\n", start)
        if (line_end if line_end >= 0 else len(received)) - start > MAX_LINE_BYTES:
            detail = f"the request line is longer than {MAX_LINE_BYTES} bytes"
            raise TooMuchError(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
        if (end if end >= 0 else len(received)) - start > MAX_HEAD_BYTES:
            detail = f"the headers are longer than {MAX_HEAD_BYTES} bytes"
            raise TooMuchError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        if end < 0:
            has_bare_lf = received.count(b"\n", self._at) != received.count(b"\r\n", max(0, self._at - 1))
            if has_bare_lf:
                self._finish(len(received), is_cut=True)
            self._at = len(received)
            return
        self._at = end + 4
        self._read_head(bytes(received[start:end]), len(received))

    def _read_head(self, head: bytes, received_bytes: int) -> None:
        """Find out how the body is framed; whatever is ambiguous about that is left to the parser to refuse."""
        request_line, *lines = head.split(b"\r\n")
        fields = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
        framed = [(name, value) for name, value in fields if name in (b"content-length", b"transfer-encoding")]
        expects = [value.lower() for name, value in fields if name == b"expect"]
        self.stage = Stage.BODY
        if not framed:
            self._finish(self._at)
        elif len(framed) > 1 or expects not in ([], [b"100-continue"]):
            self._finish(received_bytes, is_cut=True)
        elif framed[0][0] == b"transfer-encoding":
            self._is_chunked = framed[0][1].lower() == b"chunked"
            if not self._is_chunked:
                self._finish(received_bytes, is_cut=True)
        elif not _LENGTH.fullmatch(framed[0][1]) or int(framed[0][1]) > self._max_body_bytes:
            self._finish(received_bytes, is_cut=True)  # too long a body is not waited for: the API says so
        else:
            self._left = int(framed[0][1])
        self.wants_continue = bool(expects) and self.stage is Stage.BODY and not request_line.endswith(b"/1.0")

    def _follow_chunks(self, received: bytearray) -> None:
        while self.stage is Stage.BODY:
            step = min(self._left, len(received) - self._at)
            self._at += step
            self._left -= step
            end = received.find(b"\r\n", self._at) if not self._left else -1
            if end < 0:
                if not self._left and len(received) - self._at > MAX_CHUNK_LINE_BYTES:
                    self._finish(len(received), is_cut=True)
                return
            line = bytes(received[self._at : end])
            self._at = end + 2
            if not self._is_in_trailers:
                self._begin_chunk(line.partition(b";")[0].rstrip(b" \t"), len(received))
            elif not line:
                self._finish(self._at)
            if self._at > 2 * self._max_body_bytes + MAX_HEAD_BYTES:  # hardly any data between lines of extensions
                raise TooMuchError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body's chunks are mostly overhead")

    def _begin_chunk(self, size: bytes, received_bytes: int) -> None:
        if not _CHUNK_SIZE.fullmatch(size):
            self._finish(received_bytes, is_cut=True)
            return
        chunk_bytes = int(size, 16)
        self._is_in_trailers = chunk_bytes == 0
        self._left = chunk_bytes + 2 if chunk_bytes else 0
        self._body_bytes += chunk_bytes
        if self._body_bytes > self._max_body_bytes:
            detail = f"the body is longer than {self._max_body_bytes} bytes"
            raise TooMuchError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
