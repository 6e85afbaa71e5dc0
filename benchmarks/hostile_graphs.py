"""Graphs that a hostile model file may hold, for `hostile_models.py`. They take faces of 24x24 and give 16 numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
SIDE, LENGTH = 24, 16
BIG = 1 << 40


def model_of(
    nodes: list[onnx.NodeProto],
    initial: dict[str, Any] | None = None,
    faces: tuple[int, list[Any]] = (TensorProto.UINT8, ["batch", SIDE, SIDE, 1]),
    embeddings: tuple[int, list[Any]] = (FLOAT, ["batch", LENGTH]),
) -> onnx.ModelProto:
    """A model of these nodes."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("faces", *faces)],
        [helper.make_tensor_value_info("embeddings", *embeddings)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (initial or {}).items()],
    )
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=10)


def computing(nodes: list[onnx.NodeProto], **initial: Any) -> onnx.ModelProto:
    """A model that adds to some grey values the sum of "y", which `nodes` compute from "x": the faces as float32."""
    ends = [
        helper.make_node("Cast", ["y"], ["z"], to=FLOAT),
        helper.make_node("ReduceSum", ["z"], ["sum"], keepdims=0),
        helper.make_node("Slice", ["rows", "zero", "length", "one"], ["short"]),
        helper.make_node("Add", ["short", "sum"], ["embeddings"]),
    ]
    starts = [
        helper.make_node("Cast", ["faces"], ["x"], to=FLOAT),
        helper.make_node("Reshape", ["x", "flat"], ["rows"]),
        helper.make_node("Shape", ["faces"], ["count"], start=0, end=1),
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
    ]
    constants = {"flat": [-1, SIDE * SIDE], "zero": [0], "length": [LENGTH], "one": [1]}
    return model_of([*starts, *nodes, *ends], {**constants, **initial})


def node(kind: str, inputs: str = "x", outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; inputs and outputs are words."""
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def plain() -> onnx.ModelProto:
    """A harmless model."""
    return computing([node("Relu")])


def graphs() -> Iterator[tuple[str, onnx.ModelProto]]:
    """All hostile graphs: (name, model)."""
    for some in (_unbounded, _reaching_out, _large, _slow, _strange_attributes, _strange_shapes, _broken):
        for name, model in some():
            yield f"{some.__name__.strip('_')}: {name}", model


def _body(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    scalar = helper.make_tensor_value_info
    return helper.make_graph(
        [*nodes, node("Identity", "keep", "keep_out")],
        "body",
        [scalar("step", TensorProto.INT64, []), scalar("keep", TensorProto.BOOL, [])],
        [scalar("keep_out", TensorProto.BOOL, [])],
    )


def _unbounded() -> Iterator[tuple[str, onnx.ModelProto]]:
    for_ever = helper.make_node("Loop", ["", "true"], [], body=_body())
    yield "Loop", computing([for_ever, node("Relu")], true=True)
    inside = helper.make_node("Loop", ["", "keep"], [], body=_body())
    yield (
        "Loop in a Loop",
        computing([helper.make_node("Loop", ["", "true"], [], body=_body(inside))], true=True),
    )
    branch = helper.make_graph(
        [for_ever, node("Identity", "mean", "out")],
        "branch",
        [],
        [helper.make_tensor_value_info("out", FLOAT, [])],
    )
    yield "If", computing([node("If", "true", "y", then_branch=branch, else_branch=branch)], true=True)
    scan = helper.make_graph(
        [node("Identity", "a", "b")],
        "scan",
        [helper.make_tensor_value_info("a", FLOAT, [])],
        [helper.make_tensor_value_info("b", FLOAT, [])],
    )
    yield "Scan", computing([node("Scan", "x", "y", body=scan, num_scan_inputs=1)])
    for domain, kind in (
        ("", "RandomNormal"),
        ("com.microsoft", "FusedConv"),
        ("ai.onnx.ml", "TreeEnsemble"),
    ):
        yield kind, computing([helper.make_node(kind, ["x"], ["y"], domain=domain)])
    for kind in (
        "SequenceMap",
        "StringNormalizer",
        "Tile",
        "Resize",
        "Range",
        "NonMaxSuppression",
        "Einsum",
        "LSTM",
    ):
        yield kind, computing([node(kind)])
    model = plain()
    for depth in range(12):  # each calls the one before it eight times
        below = "F" + str(depth - 1) if depth else "Relu"
        calls = [
            helper.make_node(below, [f"v{n}"], [f"v{n + 1}"], domain="f" if depth else "") for n in range(8)
        ]
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
        model.functions.append(helper.make_function("f", f"F{depth}", ["v0"], ["v8"], calls, opsets))
    model.opset_import.append(helper.make_opsetid("f", 1))
    model.graph.node[4].op_type, model.graph.node[4].domain = "F11", "f"
    yield "functions of functions", model


def _reaching_out() -> Iterator[tuple[str, onnx.ModelProto]]:
    for place in ("/etc/passwd", "../../etc/passwd", "weights.bin", "/dev/zero", "*/_ORT_MEM_ADDR_/*", ""):
        model = computing([node("Mul", "x w")], w=np.ones(4, np.float32))
        weights = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        for key, value in (("location", place), ("offset", "0"), ("length", "16")):
            weights.external_data.add(key=key, value=value)
        yield f"weights in {place or 'no file'}", model
        inner = computing([node("Constant", "", "w"), node("Mul", "x w")])
        inner.graph.node[4].attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(weights)
        yield f"a constant in {place or 'no file'}", inner


def _large() -> Iterator[tuple[str, onnx.ModelProto]]:
    wide = np.array([1 << 18, 1 << 16])
    yield "ConstantOfShape", computing([node("ConstantOfShape", "s")], s=[10_000_000_000])
    yield (
        "ConstantOfShape of the count",
        computing([node("Mul", "count s", "t"), node("ConstantOfShape", "t")], s=[10_000_000_000]),
    )
    yield "Expand", computing([node("Expand", "mean s")], s=wide)
    yield "Pad", computing([node("Pad", "x p")], p=[0, 1 << 20, 1 << 20, 0, 0, 0, 0, 0])
    yield "outer sum", computing([node("Reshape", "x r", "c"), node("Expand", "c s", "t"), node("Add", "t u")],
                                 r=[1, -1, 1], s=[1, 1, 1], u=np.zeros((1 << 16, 1, 1 << 6), np.float32))  # fmt: skip
    doubled = [node("Concat", f"d{n} d{n}", f"d{n + 1}", axis=1) for n in range(60)]
    yield "doubling", computing([node("Identity", "rows", "d0"), *doubled, node("Identity", "d60")])
    kept = [node("Mul", f"k{n} k{n}", f"k{n + 1}") for n in range(400)]
    yield (
        "many at once",
        computing(
            [node("Expand", "mean s", "k0"), *kept, node("Max", " ".join(f"k{n}" for n in range(401)))],
            s=[1 << 22],
        ),
    )
    yield "product", computing([node("Expand", "mean a", "l"), node("Expand", "mean b", "r"), node("MatMul", "l r")],
                               a=[1 << 20, 1], b=[1, 1 << 20])  # fmt: skip
    for shape in ([BIG], [1 << 31, 1 << 31], [-5], [1 << 62, 4], [0]):
        model = computing([node("Mul", "x w")], w=np.ones(1, np.float32))
        weights = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
        del weights.dims[:]
        weights.dims.extend(shape)
        yield f"weights of shape {shape}", model
    for shape in (
        ["batch", 100_000, 100_000, 1],
        ["batch"],
        [1, SIDE, SIDE, 1],
        ["batch", SIDE, SIDE, 3],
        [],
    ):
        yield f"faces of shape {shape}", model_of([node("Identity", "faces", "embeddings")], None, (2, shape))
    for kind in (TensorProto.STRING, TensorProto.FLOAT, TensorProto.COMPLEX64, TensorProto.BFLOAT16, 99):
        yield f"faces of type {kind}", model_of([node("Cast", "faces", "embeddings", to=FLOAT)], None,
                                                (kind, ["batch", SIDE, SIDE, 1]))  # fmt: skip


def _slow() -> Iterator[tuple[str, onnx.ModelProto]]:
    products = [node("MatMul", f"m{n} m0", f"m{n + 1}") for n in range(3000)]
    yield (
        "3000 products",
        computing([node("Expand", "mean s", "m0"), *products, node("Identity", "m3000")], s=[2000, 2000]),
    )
    constant = [node("MatMul", f"m{n} m0", f"m{n + 1}") for n in range(300)]
    yield (
        "constant products",
        computing([node("ConstantOfShape", "s", "m0"), *constant, node("Identity", "m300")], s=[3000, 3000]),
    )
    chain = [node("Relu", f"c{n}", f"c{n + 1}") for n in range(4_900)]
    yield "4900 nodes", computing([node("Identity", "x", "c0"), *chain, node("Identity", "c4900")])
    yield "100000 nodes", computing([node("Relu", "x", f"c{n}") for n in range(100_000)] + [node("Relu")])


def _strange_attributes() -> Iterator[tuple[str, onnx.ModelProto]]:
    convolutions: list[dict[str, Any]] = [
        {"group": 0}, {"group": -1}, {"group": 1 << 40}, {"strides": [0, 0]}, {"strides": [-1, 1]}, {"strides": [1]},
        {"dilations": [0, 0]}, {"dilations": [1 << 40, 1]}, {"pads": [-9, -9, -9, -9]}, {"pads": [1 << 40] * 4},
        {"pads": [1 << 62] * 4}, {"pads": [1]}, {"kernel_shape": [0, 0]}, {"kernel_shape": [9, 9]},
        {"kernel_shape": [-3, 3]}, {"auto_pad": "NEVER"}, {"auto_pad": "SAME_UPPER", "strides": [1 << 40, 1]},
    ]  # fmt: skip
    for each in convolutions:
        chosen = {"kernel_shape": [3, 3], **each}
        start = node("Transpose", "x", "t", perm=[0, 3, 1, 2])
        weights = np.ones((4, 1, 3, 3), np.float32)
        yield f"Conv {each}", computing([start, node("Conv", "t w", **chosen)], w=weights)
        for kind in ("MaxPool", "AveragePool"):
            if "group" not in each:
                yield f"{kind} {each}", computing([start, node(kind, "t", **chosen)])
    for kind, inputs, attributes in _ATTRIBUTES:
        yield f"{kind} {attributes}", computing([node(kind, inputs, **attributes)])


_ATTRIBUTES: list[tuple[str, str, dict[str, Any]]] = [
    ("Softmax", "x", {"axis": 99}), ("Softmax", "x", {"axis": -(1 << 62)}), ("Concat", "x x", {"axis": 77}),
    ("Concat", "x x", {}), ("Transpose", "x", {"perm": [0, 0, 0, 0]}), ("Transpose", "x", {"perm": [9, 1, 2, 3]}),
    ("Split", "x", {"num_outputs": 0}), ("Split", "x", {"num_outputs": -1}), ("Split", "x", {"num_outputs": 1 << 40}),
    ("Split", "x", {"axis": 9, "num_outputs": 1}), ("Cast", "x", {"to": 8}), ("Cast", "x", {"to": 99}),
    ("Cast", "x", {"to": -1}), ("Shape", "x", {"start": 1 << 40, "end": -(1 << 40)}), ("Gather", "x x", {"axis": 50}),
    ("Flatten", "x", {"axis": 99}), ("ReduceSum", "x", {"keepdims": 1 << 40}), ("Gemm", "rows rows", {"transA": 1}),
    ("Gemm", "x x", {}), ("BatchNormalization", "x x x x x", {}), ("GatherND", "x flat", {"batch_dims": 44}),
    ("Dropout", "x", {"seed": 1}), ("LeakyRelu", "x", {"alpha": float("nan")}), ("Pad", "x flat", {"mode": "wrap"}),
    ("Pad", "x flat", {"mode": "none"}), ("ConstantOfShape", "flat", {}), ("Constant", "", {}),
    ("Constant", "", {"value_ints": [1] * 1000}), ("Constant", "", {"value_string": "a"}), ("PRelu", "x rows", {}),
    ("GlobalAveragePool", "mean", {}), ("ReduceL2", "mean", {}), ("Relu", "x", {"no_such_attribute": 3}),
    ("Relu", "", {}), ("Relu", "x x x", {}), ("Relu", "nothing", {}), ("Squeeze", "x", {}), ("Unsqueeze", "x flat", {}),
]  # fmt: skip


def _strange_shapes() -> Iterator[tuple[str, onnx.ModelProto]]:
    smallest = -(1 << 63)
    for kind in (
        "Reshape",
        "Expand",
        "Squeeze",
        "Unsqueeze",
        "ReduceSum",
        "ReduceMean",
        "Pad",
        "Gather",
        "GatherND",
    ):
        for values in ([-1, -1], [-7], [0, 0], [1 << 62, 1 << 62], [smallest], [5] * 40, []):
            yield f"{kind} by {values[:3]}", computing([node(kind, "x v")], v=np.array(values, np.int64))
    for starts, ends, axes, steps in (
        ([0], [1], [0], [0]), ([0], [1], [99], [1]), ([smallest], [BIG], [1], [smallest]), ([0, 0], [1], [0], [1]),
        ([5], [-5], [1], [-1]), ([0], [1], [1, 1], [1]),
    ):  # fmt: skip
        values = {"a": starts, "b": ends, "c": axes, "d": steps}
        yield f"Slice {values}", computing([node("Slice", "x a b c d")], **values)
    for sizes in ([0, 0], [-1, 25], [BIG, BIG], [12, 13]):
        yield f"Split {sizes}", computing([node("Split", "rows v", "y q", axis=1)], v=np.array(sizes))


def _broken() -> Iterator[tuple[str, onnx.ModelProto]]:
    yield "cycle", computing([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b")])
    yield "two of one name", computing([node("Relu"), node("Abs")])
    yield "no output", model_of([node("Relu", "faces", "other")])
    yield "not a number", computing([node("Mul", "x w")], w=np.array(np.nan, np.float32))
    yield "infinite", computing([node("Mul", "x w"), ], w=np.array(np.inf, np.float32))  # fmt: skip
    yield "other length", model_of([node("Cast", "faces", "embeddings", to=FLOAT)])
    for opset, version in ((999, 10), (0, 10), (-1, 10), (18, 999), (18, 0), (1, 3)):
        model = plain()
        model.opset_import[0].version, model.ir_version = opset, version
        yield f"opset {opset}, version {version}", model
    for field, kind in ((1, "none"), (99, "strange"), (8, "text")):
        model = computing([node("Mul", "x w")], w=np.ones(1, np.float32))
        next(tensor for tensor in model.graph.initializer if tensor.name == "w").data_type = field
        yield f"weights of type {kind}", model
    for length in (0, 3, 5, 4000):
        model = computing([node("Mul", "x w")], w=np.ones(1, np.float32))
        next(tensor for tensor in model.graph.initializer if tensor.name == "w").raw_data = bytes(length)
        yield f"weights of {length} bytes", model
    twice = plain()
    twice.graph.input.append(twice.graph.input[0])
    yield "an input twice", twice
    many = plain()
    many.graph.input.append(helper.make_tensor_value_info("more", FLOAT, [1]))
    yield "two inputs", many
    training = plain()
    training.training_info.add(algorithm=training.graph)
    yield "training", training
