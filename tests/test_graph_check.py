"""Graphs of model files: what every export has is allowed, and what may run for ever or read other files is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import twinface
from twinface.core.errors import ModelError
from twinface.core.registry import Component
from twinface.core.settings_sections import ImagingSettings, NetworkSettings, ScoreNormalisationSettings
from twinface.core.types import WHOLE_FRAME
from twinface.faces.preparation import Preparation
from twinface.models.checksum import with_checksum
from twinface.models.graph_check import (
    ALLOW_VARIABLE,
    EXPORTED_OPERATORS,
    GraphContents,
    check_graph,
    read_contents,
)
from twinface.models.onnx_model import RECORD_KEY, OnnxModel
from twinface.networks.backbones import BACKBONES
from twinface.networks.build import build_network
from twinface.networks.projections import LinearMap, Projection
from twinface.networks.score_normalisation import ScoreNormalisation
from twinface.networks.siamese import SiameseNetwork
from twinface.training.export import export_model
from twinface.training.run_folder import RunFolder

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"
RESIDUAL = {"name": "residual", "channels": [4, 8], "embedding": 8}
FISHER = {"name": "fisher", "gaussians": 4, "dimensions": 4}
GRADIENTS = {"name": "gradients", "cells": [8], "embedding": 0}
KINDS: dict[str, dict[str, Any]] = {
    "residual": {"backbone": {**RESIDUAL, "depth": 2}, "side": 37, "flip_average": False},
    "koch": {
        "backbone": {"name": "koch", "dense": 8, "filters": [2, 2, 2, 2], "batch_norm": "after-relu"},
        "side": 66,
        "distance": "weighted-l1",
        "normalisation": "unit",
    },
    "gradients": {"backbone": GRADIENTS, "side": 40},
    "sface": {"backbone": {"name": "sface"}, "side": 112, "color": "rgb", "normalisation": "unit"},
    "fisher": {"backbone": {**FISHER, "scales": [1.0, 0.7], "steps": [4, 4], "orders": 2}, "side": 66},
    "committee": {
        "backbone": {
            "name": "committee",
            "members": [
                {**RESIDUAL, "height": 32, "width": 32, "region": [0.1, 0.1, 0.8, 0.8]},
                {**GRADIENTS, "weight": 0.5, "region": [0, 0, 0.5, 0.5]},
                FISHER,
            ],
        },
        "side": 64,
        "projection": True,
    },
}


def with_projection(network: SiameseNetwork) -> SiameseNetwork:
    """The network with a PLDA and score normalisation of random numbers."""
    maps = [
        LinearMap(torch.randn(size), torch.randn(size, 5), torch.rand(5) + 0.1)
        for size in network.backbone.parts
    ]
    network.projection = Projection(maps, network.backbone.weights)
    size = network.projection.embedding_size
    settings = ScoreNormalisationSettings(spread=0.5, clarity=0.5)
    network.score_normalisation = ScoreNormalisation(torch.randn(size, size), settings)
    return network


@pytest.mark.parametrize(
    "name", [name if name == "koch" else pytest.param(name, marks=pytest.mark.slow) for name in BACKBONES]
)
def test_every_kind_of_network_exports_operators_of_the_list(name: str, tmp_path: Path) -> None:
    """The test of a new kind of network fails here until its operators are in the list."""
    kind = dict(KINDS[name])
    side, color, projection = kind.pop("side"), kind.pop("color", "gray"), kind.pop("projection", False)
    wanted = NetworkSettings(**{**kind, "backbone": Component(**kind["backbone"])})
    imaging = ImagingSettings(height=side, width=side, color=color)
    torch.manual_seed(0)
    network = build_network(wanted, imaging, 0)
    network = with_projection(network) if projection else network
    record = replace(
        OnnxModel(SHIPPED).record,
        preparation=Preparation(WHOLE_FRAME, side, side, color),
        embedding_size=network.embedding_size,
        distance=network.distance_name,
        distance_parameters={key: value.detach().numpy() for key, value in network.distance.items()},
    )
    export_model(network.eval(), record, tmp_path / "model.onnx")
    found = read_contents((tmp_path / "model.onnx").read_bytes())
    assert found.operators <= EXPORTED_OPERATORS
    model = onnx.load(tmp_path / "model.onnx")
    assert found == GraphContents({node.op_type for node in model.graph.node}, len(model.graph.node))


def test_the_shipped_model_is_of_the_list() -> None:
    assert read_contents(SHIPPED.read_bytes()).operators <= EXPORTED_OPERATORS


def graph(*nodes: onnx.NodeProto, name: str = "g", initial: dict[str, Any] | None = None) -> onnx.GraphProto:
    """A graph with the input and output of the tiny run's model."""
    return helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["batch", 24, 24, 1])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in (initial or {}).items()],
    )


def model_of(graph: onnx.GraphProto, **more: Any) -> onnx.ModelProto:
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("other", 1)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10, **more)


def plain() -> onnx.ModelProto:
    return model_of(graph(helper.make_node("Relu", ["faces"], ["embeddings"])))


def with_external_data() -> onnx.ModelProto:
    model = model_of(graph(helper.make_node("Relu", ["w"], ["embeddings"]), initial={"w": np.zeros(4)}))
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return model


def with_external_data_inside() -> onnx.ModelProto:
    """The same in a constant of a graph within a node of a function."""
    inner = with_external_data().graph
    inner.node[0].attribute.add(name="value", t=inner.initializer[0])
    del inner.initializer[:]
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    function = helper.make_function("other", "F", ["c"], ["y"], [branch], [helper.make_opsetid("", 18)])
    return model_of(graph(helper.make_node("F", ["c"], ["y"], domain="other")), functions=[function])


def with_sparse_weights() -> onnx.ModelProto:
    model = plain()
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.add(values=values, indices=indices, dims=[1 << 40])
    return model


def with_function() -> onnx.ModelProto:
    body = [helper.make_node("Relu", ["x"], ["y"])]
    function = helper.make_function("other", "Relu", ["x"], ["y"], body, [helper.make_opsetid("", 18)])
    return model_of(plain().graph, functions=[function])


def with_training() -> onnx.ModelProto:
    model = plain()
    model.training_info.add(algorithm=model.graph)
    return model


def with_hidden_graph() -> onnx.ModelProto:
    node = helper.make_node("Relu", ["faces"], ["embeddings"], body=plain().graph)
    return model_of(graph(node))


def loop() -> onnx.ModelProto:
    """Runs for ever: its condition stays true."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["keep"], ["keep_out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("keep", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("keep_out", TensorProto.BOOL, [])],
    )
    return model_of(graph(helper.make_node("Loop", ["", "keep"], [], body=body), initial={"keep": True}))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (loop, "contains Loop, which no model of Twinface needs"),
        (lambda: model_of(graph(helper.make_node("Relu", ["a"], ["b"], domain="other"))), "other.Relu"),
        (lambda: model_of(graph(helper.make_node("", ["a"], ["b"]))), "contains , which"),
        (with_function, "a function"),
        (with_training, "training information"),
        (with_hidden_graph, "a graph within a node"),
        (with_sparse_weights, "a sparse tensor"),
    ],
)
def test_what_no_export_has_is_refused_unless_the_maker_is_trusted(
    make: Callable[[], onnx.ModelProto], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make().SerializeToString()
    with pytest.raises(ModelError, match=rf"^m\.onnx: refused, .*{said}.* set {ALLOW_VARIABLE}=1$"):
        check_graph(data, "m.onnx")
    check_graph(data, "m.onnx", allow_any_operator=True)
    monkeypatch.setenv(ALLOW_VARIABLE, "1")
    check_graph(data, "m.onnx")


@pytest.mark.parametrize("make", [with_external_data, with_external_data_inside])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_file_with_weights_elsewhere_is_refused_even_if_its_maker_is_trusted(
    make: Callable[[], onnx.ModelProto], trusted: bool
) -> None:
    with pytest.raises(ModelError, match="weights are in another file"):
        check_graph(make().SerializeToString(), "m.onnx", trusted)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 nodes"),
        (b"\x3a\x05\x0a\x7f", "beyond its message"),
        (b"\x3a", "within a number"),
        (b"\x3a" + b"\xff" * 11, "more than ten bytes"),
        (b"\x00\x01", "number 0"),
        (b"\x3b", "wire type 3"),
        (b"\x08\x01" * 600_000, "more than 500,000 fields"),
    ],
)
def test_bytes_that_are_no_model_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=f"not an ONNX model that Twinface reads .*{said}"):
        check_graph(data, "m.onnx")


def test_graphs_within_graphs_have_an_end() -> None:
    data = b""
    for _ in range(100):  # in an attribute, in a node, in a graph
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            data = tag + _length(data) + data
    with pytest.raises(ValueError, match="more than 64 deep"):
        read_contents(b"\x3a" + _length(data) + data)


def _length(data: bytes) -> bytes:
    size, found = len(data), b""
    while size > 127:
        size, found = size >> 7, found + bytes([size & 127 | 128])
    return found + bytes([size])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_hides_an_operator_or_raises_something_else(data: st.DataObject) -> None:
    """Where the protobuf library reads a damaged file, it finds no operator that the walk has not found."""
    whole = bytearray(loop().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_contents(bytes(whole))
    except ValueError:
        return
    model = onnx.ModelProto()
    try:
        model.ParseFromString(bytes(whole))
    except Exception:  # no message at all; the library's exception is not public
        return
    read = [node.op_type for node in model.graph.node if not node.domain]
    texts = {name if isinstance(name, str) else name.decode("ascii", "backslashreplace") for name in read}
    assert texts <= found.operators


def sealed(model: onnx.ModelProto, run: RunFolder, path: Path) -> Path:
    """A file with the checksum and the record of a run's model, and another graph."""
    record = onnx.load(run.model / "model.onnx").metadata_props[0]
    assert record.key == RECORD_KEY
    model.metadata_props.add(key=RECORD_KEY, value=record.value)
    path.write_bytes(with_checksum(model.SerializeToString()))
    return path


def test_a_model_that_needs_an_operator_of_its_own_runs_where_its_maker_is_trusted(
    tiny_run: RunFolder, tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("Cast", ["faces"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["f", "shape"], ["rows"]),
        helper.make_node("CumSum", ["rows", "axis"], ["sums"]),
        helper.make_node("Slice", ["sums", "zero", "sixteen", "one"], ["embeddings"]),
    ]
    initial = {"shape": [-1, 576], "axis": np.int64(1), "zero": [0], "sixteen": [16], "one": [1]}
    file = sealed(model_of(graph(*nodes, initial=initial)), tiny_run, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="CumSum"):
        OnnxModel(file)
    embeddings = OnnxModel(file, allow_any_operator=True)(np.ones((2, 24, 24, 1), np.uint8))
    np.testing.assert_array_equal(embeddings, np.tile(np.arange(1, 17, dtype=np.float32), (2, 1)))


def other_ends(
    faces: list[Any] | None = None, kind: int = TensorProto.UINT8, embeddings: list[Any] | None = None
) -> onnx.ModelProto:
    """A model whose input or output has another shape or type."""
    model = model_of(graph(helper.make_node("Cast", ["faces"], ["embeddings"], to=TensorProto.FLOAT)))
    given = helper.make_tensor_value_info("faces", kind, faces or ["batch", 24, 24, 1])
    model.graph.input[0].CopyFrom(given)
    output = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, embeddings or ["batch", 16])
    model.graph.output[0].CopyFrom(output)
    return model


@pytest.mark.parametrize(
    "model",
    [
        other_ends(faces=["batch", 100_000, 100_000, 1], embeddings=["batch", 100_000, 100_000, 1]),
        other_ends(faces=["batch", 24, 24, 3], embeddings=["batch", 24, 24, 3]),
        other_ends(faces=[1, 24, 24, 1], embeddings=[1, 24, 24, 1]),
        other_ends(faces=["batch"], embeddings=["batch"]),
        other_ends(kind=TensorProto.STRING, embeddings=["batch", 24, 24, 1]),
        other_ends(embeddings=["batch", 24, 24, 1]),
        other_ends(),
    ],
)
def test_a_graph_has_to_fit_its_record(model: onnx.ModelProto, tiny_run: RunFolder, tmp_path: Path) -> None:
    file = sealed(model, tiny_run, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"m\.onnx: .*(does not fit its record|cannot load it)") as caught:
        OnnxModel(file)
    assert "\n" not in str(caught.value)


def computing(nodes: list[onnx.NodeProto], initial: dict[str, Any], run: RunFolder, path: Path) -> OnnxModel:
    """A model that adds to some grey values a number that `nodes` compute from `faces`."""
    ends = [
        helper.make_node("ReduceSum", ["computed"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["faces"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["f", "rows"], ["r"]),
        helper.make_node("Slice", ["r", "from", "to", "axis"], ["short"]),
        helper.make_node("Add", ["short", "sum"], ["embeddings"]),
    ]
    initial = {**initial, "rows": [-1, 576], "from": [0], "to": [16], "axis": [1]}
    return OnnxModel(sealed(model_of(graph(*nodes, *ends, initial=initial)), run, path))


def sized(shape: list[int], run: RunFolder, path: Path) -> OnnxModel:
    """A model that fills a tensor of this shape, times the number of faces."""
    nodes = [
        helper.make_node("Shape", ["faces"], ["count"], start=0, end=1),
        helper.make_node("Mul", ["count", "shape"], ["many"]),
        helper.make_node("ConstantOfShape", ["many"], ["computed"]),
    ]
    return computing(nodes, {"shape": shape}, run, path)


def test_a_model_gets_no_more_memory_than_the_limit(
    tiny_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    faces = np.ones((1, 24, 24, 1), np.uint8)
    assert sized([1000, 1000], tiny_run, tmp_path / "a.onnx")(faces).shape == (1, 16)
    with pytest.raises(ModelError, match=r"cannot run it \(it needs more than 2 GiB for 1 faces"):
        sized([100_000, 100_000], tiny_run, tmp_path / "b.onnx")(faces)
    assert capfd.readouterr().err == ""


def test_the_runtimes_errors_are_model_errors_of_one_line(
    tiny_run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match="cannot run it") as caught:
        sized([-1], tiny_run, tmp_path / "a.onnx")(np.ones((2, 24, 24, 1), np.uint8))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_model_that_takes_too_long_is_stopped(
    tiny_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinface.models.session.SECONDS", -3.0)  # and 3 for the one face
    nodes = [
        helper.make_node("Cast", ["faces"], ["g"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["g"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "shape"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{step}", "m0"], [f"m{step + 1}"]) for step in range(2000)),
        helper.make_node("Identity", ["m2000"], ["computed"]),
    ]
    model = computing(nodes, {"shape": [1500, 1500]}, tiny_run, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="it took more than 0 s for 1 faces"):
        model(np.ones((1, 24, 24, 1), np.uint8))


def test_a_file_of_the_runtimes_own_format_is_not_loaded(tiny_run: RunFolder, tmp_path: Path) -> None:
    """ONNX Runtime knows it by four letters. What it would then run is not what was checked."""
    model = onnx.load(tiny_run.model / "model.onnx")
    model.ClearField("ir_version")
    model.ClearField("producer_name")
    data = b"\x12\x06\x00\x00ORTM" + b"\x08\x0a" + model.SerializeToString()  # the name of its producer
    file = tmp_path / "m.onnx"
    file.write_bytes(with_checksum(data))
    assert OnnxModel(file)(np.ones((1, 24, 24, 1), np.uint8)).shape == (1, 16)
