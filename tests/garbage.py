"""Messages that nobody should send, for whoever must survive them: hostile by hand, and a good one bent by a seed."""

import json
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import amqp

STEP = "ticketflow.steps.extract"
TICKET = "6a1c0a3e-1b7d-4c39-9d43-2f1d0a6b7c8d"


@dataclass(frozen=True)
class Message:
    """A message as a stranger publishes it; ``raw`` stands for all its properties, as bytes on the wire."""

    body: bytes
    headers: Mapping[str, Any]
    properties: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None

    def publish(self, channel: amqp.Channel, exchange: str, routing_key: str) -> None:
        """Send it."""
        properties = {"content_type": "application/json", "content_encoding": "utf-8"} | dict(self.properties)
        message = _Raw(self.body, application_headers=dict(self.headers), **properties)
        message.raw = self.raw
        channel.basic_publish(message, exchange=exchange, routing_key=routing_key)


class _Raw(amqp.Message):
    raw: bytes | None = None

    def _serialize_properties(self) -> bytes:
        return self.raw if self.raw is not None else super()._serialize_properties()


def good_headers(**changes: Any) -> dict[str, Any]:
    """Return the headers of a message that a worker takes."""
    headers = {
        "lang": "py", "task": STEP, "id": "609097c7-3eab-4810-93ed-685d42b5297f", "shadow": None, "eta": None,
        "expires": None, "group": None, "group_index": None, "retries": 0, "timelimit": [None, None],
        "root_id": "609097c7-3eab-4810-93ed-685d42b5297f", "parent_id": None, "argsrepr": "()", "kwargsrepr": "{}",
        "origin": "gen1@here", "ignore_result": True, "replaced_task_nesting": 0, "stamped_headers": None,
        "stamps": {}, "request_id": "r",
    }  # fmt: skip
    return headers | changes


def good_body() -> list[Any]:
    """Return the body of a message that a worker takes, for a ticket that does not exist."""
    link = {
        "task": "ticketflow.steps.draft", "args": [TICKET, 1], "kwargs": {}, "subtask_type": None, "immutable": True,
        "options": {"headers": {"request_id": "r"}, "task_id": "14eea328-55c6-443a-90d2-df331d1c7292"},
    }  # fmt: skip
    return [[TICKET, 1], {}, {"callbacks": None, "errbacks": None, "chain": [link], "chord": None}]


ODD: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**62, 1.5, float("1e308"), "", "x", "\x00", "\N{SNOWMAN}", "a" * 10_000, [], [[]],
    {}, {"a": 1}, [None], ["x", 1], "None", "9999-99-99T99:99:99", "2999-01-01T00:00:00", "0001-01-01T00:00:00+14:00",
    {"__type__": "uuid", "__value__": 5}, [1e-9, 1e-9], ["1", "2"], [0], [-5, -5], "-inf", "celery.starmap",
]  # fmt: skip

ODD_HEADERS = [
    *good_headers(), "compression", "chain", "callbacks", "errbacks", "chord", "args", "kwargs", "get", "is_eager",
    "called_directly", "delivery_info", "reply_to", "headers", "properties", "hostname", "x-death", "traceparent",
    "sent_by", "groups", "priority", "clock", "stamps", "correlation_id", "_protected", "__class__", "utc", "meth",
]  # fmt: skip

ODD_BODIES: list[bytes] = [
    b"", b"[]", b"null", b"{}", b"5", b'"x"', b"[" * 100_000, b'{"a":' * 20_000, b"9" * 100_000, b"NaN", b"1e999",
    b"\xff\xfe\x00", b"[[],{},{}]", b"[[],{}]", b"[[],{},{},{}]", b'[{"a":1},[],null]', b'["ab",{},{}]',
    b"[null,null,null]", b"[[1],{},{}]", b'[["x",1],{},{}]', b'[["x"],{"x":1},{}]', b'[[],{"ticket_id":"x"},{}]',
    json.dumps([[TICKET, 10**30], {}, {}]).encode(), json.dumps([[TICKET, True], {}, {}]).encode(),
    json.dumps([[TICKET, 1, 2], {}, {}]).encode(), json.dumps([[TICKET, -1], {}, {}]).encode(),
    json.dumps([[{"__type__": "uuid", "__value__": 5}, 1], {}, {}]).encode(), b'[["\\ud800",1],{},{}]',
    json.dumps({"task": STEP, "id": "x", "args": [], "kwargs": {}}).encode(),
    json.dumps({"task": STEP, "id": [], "args": 5, "kwargs": 5, "eta": "x", "expires": {}}).encode(),
    json.dumps({"args": [TICKET, 1], "kwargs": {}}).encode(), json.dumps({"args": 5}).encode(),
    b"\x80\x04\x95", b"- !!python/object/apply:os.system [true]", b"x" * 300_000,
]  # fmt: skip

ODD_EMBEDS: list[Any] = [
    None, [], 5, {"chain": 5}, {"chain": [5]}, {"chain": [{}]}, {"chain": {"a": 1}}, {"callbacks": 5},
    {"callbacks": [{"task": "x"}]}, {"errbacks": [{"task": "celery.starmap"}]}, {"chord": {"task": "x"}},
    {"chain": [{"task": 5, "args": [], "kwargs": {}, "options": {}}]},
    {"chain": [{"task": "os.system", "args": ["true"], "kwargs": {}, "options": {}}]},
    {"chain": [{"task": STEP, "args": [TICKET, 1], "kwargs": {}, "options": {"queue": "nowhere"}}]},
    {"chain": [{"task": STEP, "args": [TICKET, 1], "kwargs": {}, "options": {"countdown": 1e300}}]},
    {"chain": [{"task": STEP, "args": 5, "kwargs": 5, "options": 5}]}, {"chain": [good_body()[2]] * 200},
    {"args": [], "is_eager": True, "get": 5}, "chain",
]  # fmt: skip

ODD_PROPERTIES: list[dict[str, Any]] = [
    {"content_type": "application/x-python-serialize"}, {"content_type": "application/x-yaml"}, {"content_type": ""},
    {"content_type": "text/plain"}, {"content_type": "application/data"}, {"content_type": "application/x-msgpack"},
    {"content_type": None}, {"content_encoding": "klingon"}, {"content_encoding": "utf-16"}, {"content_encoding": None},
    {"content_encoding": "binary"}, {"content_encoding": "zlib"}, {"content_encoding": "rot13"}, {"priority": 255},
    {"reply_to": "x" * 255}, {"correlation_id": ""}, {"expiration": "99999999"}, {"type": "\N{SNOWMAN}"},
]  # fmt: skip


def _table(*entries: bytes) -> bytes:
    content = b"".join(entries)
    return struct.pack(">I", len(content)) + content


def _nested(depth: int) -> bytes:
    table = _table()
    for _ in range(depth):
        table = _table(b"\x01aF" + table)
    return table


def raw_properties() -> Iterator[bytes]:
    """Give properties that RabbitMQ passes on and py-amqp cannot read, or reads as something odd."""
    task = b"\x04taskS" + struct.pack(">I", len(STEP)) + STEP.encode()
    for entry in (
        b"\x02idT" + b"\xff" * 8,  # a time stamp past the end of time
        b"\x02idT" + struct.pack(">Q", 10**12),
        b"\x02idS" + struct.pack(">I", 2) + b"\xff\xfe",
        b"\x02\xff\xfeI" + struct.pack(">i", 1),
        b"\x02idx" + struct.pack(">I", 2) + b"\x00\x01",
        b"\x02idD\xff" + struct.pack(">i", 7),
        b"\x02ids" + struct.pack(">h", 5),
        b"\x02idB\x05",
        b"\x02idA" + struct.pack(">I", 0),
        b"\x01aF" + _nested(3000),
    ):
        yield struct.pack(">H", 0x2000) + _table(task, entry)
    yield struct.pack(">H", 0x8000) + b"\x02\xff\xfe"  # a content type that is not UTF-8
    yield struct.pack(">H", 0x0400) + b"\x02\xff\xfe"  # nor is a correlation id
    yield struct.pack(">H", 0)  # nothing at all


def build_garbage(seed: int = 13, bent: int = 200) -> list[Message]:
    """Build some hundreds of messages, in an order that the seed decides."""
    body = json.dumps(good_body()).encode()
    garbage = [Message(each, good_headers()) for each in ODD_BODIES]
    garbage += [Message(each, {}) for each in ODD_BODIES]
    garbage += [
        Message(body, good_headers(**{name: odd})) for name in ("id", "task", "timelimit", "eta") for odd in ODD
    ]
    garbage += [Message(body, {k: v for k, v in good_headers().items() if k != name}) for name in good_headers()]
    garbage += [Message(json.dumps([[TICKET, 1], {}, each]).encode(), good_headers()) for each in ODD_EMBEDS]
    garbage += [Message(body, good_headers(), each) for each in ODD_PROPERTIES]
    garbage += [Message(body, {}, raw=each) for each in raw_properties()]
    bomb = zlib.compress(b" " * 50_000_000)
    for packing in ("application/x-gzip", "zlib", "gzip", "bzip2", "xz", "lzma", "zstd", "brotli", "rot13"):
        garbage.append(Message(bomb, good_headers(compression=packing)))
    chance = random.Random(seed)
    garbage += [_bend(chance) for _ in range(bent)]
    chance.shuffle(garbage)
    return garbage


def _bend(chance: random.Random) -> Message:
    """Change a few things in a good message."""
    headers = good_headers(**{chance.choice(ODD_HEADERS): chance.choice(ODD) for _ in range(chance.randint(1, 4))})
    body: Any = good_body()
    spot: Any = body
    while isinstance(spot, (list, dict)) and spot:
        key = chance.choice(list(spot) if isinstance(spot, dict) else list(range(len(spot))))
        if chance.random() < 0.4:
            spot[key] = chance.choice(ODD)
            break
        spot = spot[key]
    written = json.dumps(body).encode()
    if chance.random() < 0.2:
        at = chance.randrange(len(written))
        written = written[:at] + bytes([chance.randrange(256)]) + written[at + 1 :]
    return Message(written, headers)
