"""Make the model look words up before it widens them, so that its table of words stays a quarter as large.

The weights are stored as int8 with a scale for each row. As published, the model turns the whole table of 30,522 words
into float32 and looks words up in that: 47 MB that are held for good. Here the words of a text are looked up in the
int8 table and in its scales, and only they become float32: the same numbers, 35 MB less, and loaded sooner.

A model file is a protocol buffer (onnx.proto: ModelProto.graph is field 7, GraphProto.node field 1, NodeProto.input 1,
output 2, op_type 4, attribute 5). Reading its outline takes fewer lines than the onnx package takes megabytes.
"""

from collections.abc import Iterator

TABLE = "inner.embeddings.word_embeddings.weight"
_GRAPH, _NODE = 7, 1
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4
_BYTES = 2  # the wire type of everything with a length
_MORE = 0x80  # set in all bytes of a varint but the last


def widen_after_lookup(model: bytes) -> bytes:
    """Return the model with its word table looked up as int8; one that is built otherwise comes back as it is."""
    parts = [
        (number, _narrow(whole, payload) if number == _GRAPH else whole) for number, whole, payload in _read(model)
    ]
    return b"".join(part for _, part in parts)


def _narrow(whole: bytes, graph: bytes) -> bytes:
    """Take the widening of the table out of a graph, and put it behind the lookup."""
    fields = list(_read(graph))
    makers = {output: node for number, _, node in fields if number == _NODE for output in _texts(node, _OUTPUT)}
    lookups = [node for number, _, node in fields if number == _NODE and _texts(node, _INPUT)[:1] == [TABLE]]
    if not {TABLE, f"{TABLE}_f"} <= makers.keys() or [_texts(node, _OPERATOR) for node in lookups] != [["Gather"]]:
        return whole
    lookup, gone = lookups[0], (makers[TABLE], makers[f"{TABLE}_f"])
    behind = _look_up_first(_texts(lookup, _INPUT)[1], _texts(lookup, _OUTPUT)[0], makers[f"{TABLE}_f"])
    kept = (
        behind if node == lookup else b"" if number == _NODE and node in gone else part for number, part, node in fields
    )
    return _write(_GRAPH, b"".join(kept))


def _look_up_first(words: str, result: str, cast: bytes) -> bytes:
    """Write the nodes that look up words and their scales, and multiply."""
    small, scale, wide = (f"{TABLE}_{name}_of_words" for name in ("q", "scale", "f"))
    attributes = b"".join(whole for number, whole, _ in _read(cast) if number not in {_INPUT, _OUTPUT, 3})
    nodes = (
        _node("Gather", [f"{TABLE}_q", words], small),
        _node("Gather", [f"{TABLE}_scale", words], scale),
        _write(_INPUT, small.encode()) + _write(_OUTPUT, wide.encode()) + attributes,
        _node("Mul", [wide, scale], result),
    )
    return b"".join(_write(_NODE, node) for node in nodes)


def _node(operator: str, inputs: list[str], output: str) -> bytes:
    names = b"".join(_write(_INPUT, name.encode()) for name in inputs)
    return names + _write(_OUTPUT, output.encode()) + _write(_OPERATOR, operator.encode())


def _texts(node: bytes, wanted: int) -> list[str]:
    return [payload.decode() for number, _, payload in _read(node) if number == wanted]


def _read(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """List the fields of a message: number, the field as it stands there, and its payload if it has a length."""
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        if key & 7 == _BYTES:
            size, at = _read_varint(message, at)
            payload, at = message[at : at + size], at + size
        else:
            payload, at = b"", _skip(message, at, key & 7)
        yield key >> 3, message[start:at], payload


def _skip(message: bytes, at: int, wire_type: int) -> int:
    """Return where a field without a length ends: eight bytes, four, or as many as its number takes."""
    return at + {1: 8, 5: 4}[wire_type] if wire_type else _read_varint(message, at)[1]


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if not byte & _MORE:
            return value, at


def _write(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= _MORE:
        written.append(value & 0x7F | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)
