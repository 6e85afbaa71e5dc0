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
from onnx_graphs import graph, model_of
from twinface.core.errors import ModelError
from twinface.core.registry import Component
from twinface.core.settings_sections import ImagingSettings, NetworkSettings, ScoreNormalisationSettings
from twinface.core.types import WHOLE_FRAME
from twinface.faces.preparation import Preparation
from twinface.models.graph_check import (
    ALLOW_VARIABLE,
    EXPORTED_OPERATORS,
    GraphContents,
    check_graph,
    read_contents,
)
from twinface.models.onnx_model import OnnxModel
from twinface.networks.backbones import BACKBONES
from twinface.networks.build import build_network
from twinface.networks.projections import LinearMap, Projection
from twinface.networks.score_normalisation import ScoreNormalisation
from twinface.networks.siamese import SiameseNetwork
from twinface.training.export import export_model

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
    # So many Gaussians that their parameters are not folded into constants.
    "trained-fisher": {"backbone": {"name": "trained-fisher", "embedding": 6, "cell": 4}, "side": 66},
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
    # The walk keeps the first 80 bytes of a name: no operator's name is as long.
    raw = [name.encode() if isinstance(name, str) else name for name in read]
    texts = {name[:80].decode("ascii", "backslashreplace") for name in raw}
    assert texts <= found.operators
