from typing import Any

import pytest
from flask import Flask, Request
from marshmallow import Schema, ValidationError, fields
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity, UnsupportedMediaType

from ticketflow.api.parsing import MAX_DEPTH, StrictParser, parse_json, read_body, refuse_unsafe


def nest(depth: int) -> dict:
    nested: dict = {}
    for _ in range(depth):
        nested = {"a": nested}
    return nested


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{} {}", b"NaN", b"-Infinity", b"\xff", b"'a'", b"[" * 200_000, b"9" * 5000]
)
def test_what_is_not_json_is_refused(body):
    with pytest.raises(BadRequest):
        parse_json(body)


def test_a_byte_order_mark_is_passed_over():
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"a": "\x00"}, "a"),
        ({"a": [{"b": "x\udc00"}]}, "a.0.b"),
        ({"a": {"\x00": 1}}, "a"),
        ({"\ud800": 1}, "$"),
        ("\x00", "$"),
        ({"a": float("inf")}, "a"),
        ({"a": float("nan")}, "a"),
        ({"a": 2**63}, "a"),
        ({"a": -(2**63) - 1}, "a"),
        ({"a": [1, {"b": ["\x00", "\x00"]}]}, "a.1.b.0"),
        (nest(MAX_DEPTH + 1), "a"),
    ],
)
def test_what_could_not_be_kept_is_named(payload, field):
    with pytest.raises(ValidationError) as refused:
        refuse_unsafe(payload)

    assert list(refused.value.messages) == [field]


@pytest.mark.parametrize(
    "payload", [{"a": ["text", 1, 2**63 - 1, -(2**63), 0.5, True, None, "\u00e9\U0001f600"]}, nest(MAX_DEPTH), []]
)
def test_everything_else_passes(payload):
    refuse_unsafe(payload)


def test_a_value_that_is_nested_too_deeply_is_said_to_be():
    with pytest.raises(ValidationError, match="nested deeper than 32 levels"):
        refuse_unsafe(nest(33))


class Wanted(Schema):
    """A body in which something is required."""

    name = fields.String(required=True)
    page = fields.Integer()


class Wished(Schema):
    """A body in which nothing is."""

    name = fields.String()


def read(schema: type[Schema], body: bytes = b"", content_type: str | None = "application/json", **environ: Any) -> Any:
    with Flask(__name__).test_request_context("/", data=body, content_type=content_type, **environ) as context:
        return StrictParser().load_json(context.request, schema())


def test_a_body_that_is_left_out_says_nothing_where_nothing_is_required():
    assert read(Wished, content_type=None) == {}
    with pytest.raises(BadRequest):
        read(Wanted)
    with pytest.raises(UnsupportedMediaType):
        read(Wanted, content_type=None)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_a_body_is_read_that_says_it_is_json(content_type):
    assert read(Wished, b'{"name": "a"}', content_type) == {"name": "a"}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json-patch+json", "application/jsonx"])
def test_a_body_that_says_it_is_something_else_is_not_read(content_type):
    with pytest.raises(UnsupportedMediaType):
        read(Wished, b"{}", content_type)


def test_what_could_not_be_kept_is_refused_in_a_body_and_in_a_query():
    with pytest.raises(ValidationError):
        read(Wished, b'{"name": "\\u0000"}')
    with Flask(__name__).test_request_context("/?name=%00") as context, pytest.raises(ValidationError) as refused:
        StrictParser().load_querystring(context.request, Wished())

    assert list(refused.value.messages) == ["name"]


@pytest.mark.parametrize(("url", "error"), [("/?name=a&other=b", "other"), ("/?name=a&name=b", None)])
def test_an_unknown_parameter_is_named_and_of_a_repeated_one_the_first_counts(url, error):
    with Flask(__name__).test_request_context(url) as context:
        if error is None:
            assert StrictParser().parse(Wished(), context.request, location="query") == {"name": "a"}
            return
        with pytest.raises(UnprocessableEntity) as refused:
            StrictParser().parse(Wished(), context.request, location="query")

    assert list(refused.value.data["messages"]["query"]) == [error]


class Chunked(Request):
    """A request that takes ten bytes, cut off as Werkzeug cuts chunked ones off."""

    max_content_length = 10

    def __init__(self, sent: int, declared: int | None) -> None:
        super().__init__({"wsgi.input": None} | ({} if declared is None else {"CONTENT_LENGTH": str(declared)}))
        self._sent = sent

    def get_data(self, *_: Any, **__: Any) -> bytes:
        return b"x" * min(self._sent, self.max_content_length)


@pytest.mark.parametrize(
    ("sent", "declared", "fits"), [(9, None, True), (10, None, False), (11, None, False), (10, 10, True), (0, 0, True)]
)
def test_a_body_that_was_cut_off_is_too_large(sent, declared, fits):
    request = Chunked(sent, declared)

    if fits:
        assert len(read_body(request)) == sent
    else:
        with pytest.raises(RequestEntityTooLarge):
            read_body(request)


def test_where_nothing_is_limited_nothing_is_too_large():
    request = Chunked(5, None)
    request.max_content_length = None
    request.get_data = lambda: b"x" * 5

    assert read_body(request) == b"x" * 5
