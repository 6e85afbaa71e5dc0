"""Looks into an ONNX file before it is run: which operators it has, and whether it reads other files.

A graph is a program. With the operator `Loop` it can run for ever, with `If` and `Scan` it hides further graphs, and
tensors with "external data" are read from other files. So a file is refused unless all its operators are plain layers
of a network.

An ONNX file is a protobuf message (https://protobuf.dev/programming-guides/encoding): fields with a number, a wire type
and a value; a value may be a message itself. This module walks through the messages that can hold a node or a tensor,
and skips everything else, above all the weights. The library protobuf is not used, because its import takes 0.1 s. The
numbers of fields and messages are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from twinface.core.errors import ModelError
from twinface.core.formatting import one_line

ALLOW_VARIABLE = "TWINFACE_ALLOW_ANY_OPERATOR"

# The operators of the models that Twinface exports; `tests/test_graph_check.py` exports every kind of network.
_EXPORTED = """
    Abs Add AveragePool BatchNormalization Cast Clip Concat ConstantOfShape Conv Div Exp Expand GatherND Gemm Log
    MatMul Max MaxPool Min Mul Neg PRelu Pad Pow Reciprocal ReduceL2 ReduceMean ReduceSum Relu Reshape Shape Sigmoid
    Slice Softmax Split Sqrt Squeeze Sub Transpose Unsqueeze
"""
# Operators of the same kind: other versions of the exporter choose them for the same networks, and common networks for
# faces have them.
_SIMILAR = """
    Constant Dropout Flatten Gather GlobalAveragePool Identity LeakyRelu ReduceMax Tanh
"""
EXPORTED_OPERATORS = frozenset(_EXPORTED.split())
OPERATORS = EXPORTED_OPERATORS | frozenset(_SIMILAR.split())

# Exports have some hundred nodes and some thousand fields. A walk through a million fields takes a second, and ONNX
# Runtime takes two to load 15,000 nodes.
MAX_NODES, MAX_FIELDS = 5_000, 500_000
MAX_DEPTH = 64  # of messages; a graph within a node is three deeper

# Message → number of a field → the message in that field.
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
# What can hold further nodes or values, and no model of Twinface has.
_HIDDEN = {
    ("model", "training"): "training information",
    ("model", "function"): "a function",
    ("attribute", "graph"): "a graph within a node",
    ("graph", "sparse tensor"): "a sparse tensor",
    ("attribute", "sparse tensor"): "a sparse tensor",
}
_OPERATOR, _DOMAIN = 4, 7  # fields of a node
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # fields of a tensor
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_PLAIN_DOMAINS = {"", "ai.onnx"}


@dataclass
class GraphContents:
    """What an ONNX file contains, besides weights.

    Attributes:
        operators: with their domain: "Conv", "com.microsoft.FusedConv".
        nodes: how many there are.
        hidden: in words, what may hold further nodes or values: graphs within nodes, functions, training information,
            sparse tensors.
        external_data: whether a tensor's values are in another file.
    """

    operators: set[str] = field(default_factory=set)
    nodes: int = 0
    hidden: set[str] = field(default_factory=set)
    external_data: bool = False


def check_graph(data: bytes, source: str, allow_any_operator: bool = False) -> None:
    """Refuses an ONNX file that does more than compute layers from its input and its own weights.

    Args:
        data: the whole file.
        source: the file's name, for errors.
        allow_any_operator: whether any operator, graph and function is allowed, for a file whose maker is trusted.
            Setting the environment variable `TWINFACE_ALLOW_ANY_OPERATOR` to 1 allows them too. A tensor with external
            data is refused in any case.

    Raises:
        ModelError: the file is refused, or is no ONNX file.
    """
    try:
        contents = read_contents(data)
    except ValueError as error:
        raise ModelError(f"{source}: not an ONNX model that Twinface reads ({error})") from error
    if contents.external_data:
        raise ModelError(
            f"{source}: its weights are in another file (external data), which Twinface does not open; "
            "save the model as one file"
        )
    if allow_any_operator or any_operator_allowed():
        return
    strange = sorted(contents.operators - OPERATORS) or sorted(contents.hidden)
    if strange:
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        named = one_line(", ".join(strange[:5]))
        raise ModelError(
            f"{source}: refused, because it contains {named}{more}, which no model of Twinface needs and which may "
            f"run without end; if you trust its maker, set {ALLOW_VARIABLE}=1"
        )


def any_operator_allowed() -> bool:
    """Whether the user trusts the makers of all models, by `TWINFACE_ALLOW_ANY_OPERATOR=1`."""
    return os.environ.get(ALLOW_VARIABLE) == "1"


def read_contents(data: bytes) -> GraphContents:
    """What a serialised ONNX model contains.

    Raises:
        ValueError: the bytes are no such message, or have more nodes, fields or levels than any sensible model.
    """
    found = GraphContents()
    waiting = [("model", 0, len(data), 0)]
    fields = 0
    while waiting:
        message, start, end, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"its messages are more than {MAX_DEPTH} deep")
        inside, texts = _INSIDE[message], {_OPERATOR: "", _DOMAIN: ""}
        for number, kind, begin, value in _fields(data, start, end):
            fields += 1
            if fields > MAX_FIELDS:
                raise ValueError(f"it has more than {MAX_FIELDS:,} fields")
            if kind == _BYTES and number in inside:
                waiting.append((inside[number], begin, value, depth + 1))
                found.hidden |= (
                    {_HIDDEN[message, inside[number]]} if (message, inside[number]) in _HIDDEN else set()
                )
            elif kind == _BYTES and message == "node" and number in texts:
                texts[number] = data[begin : min(value, begin + 80)].decode("ascii", "backslashreplace")
            elif message == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION):
                found.external_data |= kind == _BYTES or (kind == _VARINT and value != 0)
        if message == "node":
            found.nodes += 1
            plain = texts[_DOMAIN] in _PLAIN_DOMAINS
            found.operators.add(texts[_OPERATOR] if plain else f"{texts[_DOMAIN]}.{texts[_OPERATOR]}")
    if not 0 < found.nodes <= MAX_NODES:
        raise ValueError(f"it has {found.nodes:,} nodes, need 1 to {MAX_NODES:,}")
    return found


def _fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: (number, wire type, where the value begins, its end; of a varint the value itself)."""
    place = start
    while place < end:
        tag, place = _varint(data, place, end)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise ValueError(f"a field with the number {number}")
        begin = place
        if kind == _VARINT:
            value, place = _varint(data, place, end)
            yield number, kind, begin, value
            continue
        if kind == _BYTES:
            length, begin = _varint(data, place, end)
            place = begin + length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"a field of wire type {kind}")
        if place > end:
            raise ValueError("a field reaches beyond its message")
        yield number, kind, begin, place


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= end:
            raise ValueError("it ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number of more than ten bytes")
