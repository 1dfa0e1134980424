"""Make the model small in memory and quick: its weights are stored as int8, and stay so.

As published, the model turns all of them into float32 before it computes: 47 MB for the table of 30,522 words and 42 MB
for the rest are held for good, and streamed through the processor for every sentence. Here the words of a text are
looked up in the int8 table, so that only they become float32 (the same numbers), and the 36 products with weights are
computed in int8 (ONNX Runtime's DynamicQuantizeMatMul), all but the three that lose most by it. Not much more than
half the time, and 70 MB less.

Weights are halved to seven bits for that: processors without VNNI add two products of eight bits in sixteen, and would
cut them off.

A model file is a protocol buffer (onnx.proto: ModelProto.graph is field 7, opset_import 8; GraphProto.node 1,
initializer 5; NodeProto.input 1, output 2, op_type 4, attribute 5, domain 7; TensorProto.dims 1, data_type 2, name 8,
raw_data 9; OperatorSetIdProto.domain 1, version 2). Reading its outline takes fewer lines than the onnx package takes
megabytes.
"""

import operator
from collections.abc import Iterator, Mapping

import numpy as np

TABLE = "inner.embeddings.word_embeddings.weight"
_GRAPH, _OPERATOR_SETS, _NODE, _INITIALIZER = 7, 8, 1, 5
_INPUT, _OUTPUT, _OPERATOR, _DOMAIN = 1, 2, 4, 7
_DIMENSIONS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_BYTES = 2  # the wire type of everything with a length
_MORE = 0x80  # set in all bytes of a varint but the last
_MICROSOFT = b"com.microsoft"
# Largest weight: 255 times this, twice, still fits into sixteen bits.
_SEVEN_BITS, _EIGHT_BITS = 63, 127
# What the first layers' inner units say reaches far, so that a scale for all of it is coarse: cosine with the float32
# vectors 0.993 with all products in int8, 0.997 without these three, which make a sixth of the work.
_LEFT_WIDE = 3


def widen_after_lookup(model: bytes) -> bytes:
    """Return the model with its word table looked up as int8; one that is built otherwise comes back as it is."""
    parts = [
        (number, _narrow(whole, payload) if number == _GRAPH else whole) for number, whole, payload in _read(model)
    ]
    return b"".join(part for _, part in parts)


def multiply_as_int8(model: bytes) -> bytes:
    """Return the model with its products with int8 weights computed as such; without any it comes back as it is."""
    graph = next((payload for number, _, payload in _read(model) if number == _GRAPH), b"")
    fields = list(_read(graph))
    makers = {output: node for number, _, node in fields if number == _NODE for output in _texts(node, _OUTPUT)}
    weights = {
        name: node
        for number, _, node in fields
        if number == _NODE
        and _texts(node, _OPERATOR) == ["MatMul"]
        and {name := _texts(node, _INPUT)[1], f"{name}_f"} <= makers.keys()
    }
    shapes = dict(_shape(payload) for number, _, payload in fields if number == _INITIALIZER)
    narrowing = [name for name in weights if operator.gt(*shapes[f"{name}_q"])]
    for name in narrowing[:_LEFT_WIDE]:
        del weights[name]
    if not weights:
        return model
    gone = [makers[each] for name in weights for each in (name, f"{name}_f")]
    products = {node: _write(_NODE, _product(node, name)) for name, node in weights.items()}
    changed = b"".join(
        products.get(payload, b"" if payload in gone else whole)
        if number == _NODE
        else _halve(whole, payload, weights)
        if number == _INITIALIZER
        else whole
        for number, whole, payload in fields
    )
    others = b"".join(whole for number, whole, _ in _read(model) if number != _GRAPH)
    domain = _write(1, _MICROSOFT) + bytes([2 << 3, 1])
    return others + _write(_OPERATOR_SETS, domain) + _write(_GRAPH, changed)


def _shape(tensor: bytes) -> tuple[str, tuple[int, ...]]:
    """Return a tensor's name and dimensions."""
    sizes = tuple(_read_varint(field, 1)[0] for number, field, _ in _read(tensor) if number == _DIMENSIONS)
    return _texts(tensor, _NAME)[0], sizes


def _product(node: bytes, weights: str) -> bytes:
    inputs = [_texts(node, _INPUT)[0], f"{weights}_q", f"{weights}_scale"]
    return _node("DynamicQuantizeMatMul", inputs, _texts(node, _OUTPUT)[0]) + _write(_DOMAIN, _MICROSOFT)


def _halve(whole: bytes, tensor: bytes, weights: Mapping[str, bytes]) -> bytes:
    """Take a bit off weights, and put it into their scales, of which each column has one; other tensors stay."""
    name = _texts(tensor, _NAME)[0]
    owner, _, part = name.rpartition("_")
    if owner not in weights or part not in {"q", "scale"}:
        return whole
    raw = next(payload for number, _, payload in _read(tensor) if number == _RAW)
    if part == "q":
        small = np.rint(np.frombuffer(raw, dtype=np.int8) * np.float32(_SEVEN_BITS / _EIGHT_BITS)).astype(np.int8)
        kept = b"".join(field for number, field, _ in _read(tensor) if number != _RAW)
        return _write(_INITIALIZER, kept + _write(_RAW, small.tobytes()))
    scales = np.frombuffer(raw, dtype="<f4") * np.float32(_EIGHT_BITS / _SEVEN_BITS)
    kept = b"".join(field for number, field, _ in _read(tensor) if number not in {_DIMENSIONS, _RAW})
    columns = bytes([_DIMENSIONS << 3]) + _varint(len(scales))
    return _write(_INITIALIZER, columns + kept + _write(_RAW, scales.tobytes()))


def _narrow(whole: bytes, graph: bytes) -> bytes:
    """Take the widening of the table out of a graph, and put it behind the lookup."""
    fields = list(_read(graph))
    makers = {output: node for number, _, node in fields if number == _NODE for output in _texts(node, _OUTPUT)}
    lookups = [node for number, _, node in fields if number == _NODE and _texts(node, _INPUT)[:1] == [TABLE]]
    if not {TABLE, f"{TABLE}_f"} <= makers.keys() or [_texts(node, _OPERATOR) for node in lookups] != [["Gather"]]:
        return whole
    lookup, gone = lookups[0], (makers[TABLE], makers[f"{TABLE}_f"])
    words, result = _texts(lookup, _INPUT)[1], _texts(lookup, _OUTPUT)[0]
    small, scale, wide = (f"{TABLE}_{name}_of_words" for name in ("q", "scale", "f"))
    cast = _read(makers[f"{TABLE}_f"])
    attributes = b"".join(whole for number, whole, _ in cast if number not in {_INPUT, _OUTPUT, 3})
    # Words and their scales are looked up, then multiplied.
    nodes = (
        _node("Gather", [f"{TABLE}_q", words], small),
        _node("Gather", [f"{TABLE}_scale", words], scale),
        _write(_INPUT, small.encode()) + _write(_OUTPUT, wide.encode()) + attributes,
        _node("Mul", [wide, scale], result),
    )
    behind = b"".join(_write(_NODE, node) for node in nodes)
    kept = (
        behind if node == lookup else b"" if number == _NODE and node in gone else part for number, part, node in fields
    )
    return _write(_GRAPH, b"".join(kept))


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
