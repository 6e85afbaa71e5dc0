"""A stranger's model: its graph fits its record, and it gets no more memory and time than the limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from onnx_graphs import graph, model_of
from twinface.core.errors import ModelError
from twinface.models.checksum import with_checksum
from twinface.models.graph_check import check_graph
from twinface.models.onnx_model import RECORD_KEY, OnnxModel
from twinface.models.session import Session
from twinface.training.run_folder import RunFolder


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


def _identity(operator: str = "Identity") -> bytes:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3])
        for name in ("faces", "embeddings")
    ]
    node = helper.make_node(operator, ["faces"], ["embeddings"])
    return model_of(helper.make_graph([node], "g", ends[:1], ends[1:])).SerializeToString()


@pytest.mark.parametrize("name", [b"batch", b"faces", b"embeddings"])
def test_names_that_are_no_text_are_errors_of_the_model(name: bytes) -> None:
    assert Session(_identity(), "m.onnx").inputs[0].shape == ["batch", 3]
    damaged = _identity().replace(name, name[:-1] + b"\xf6")
    assert damaged != _identity()
    with pytest.raises(ModelError, match=r"^m\.onnx: .+$"):
        Session(damaged, "m.onnx")


def test_an_operator_with_a_line_break_is_named_in_one_line() -> None:
    with pytest.raises(ModelError) as caught:
        check_graph(_identity("Sli\n\x1b[2Je"), "m.onnx")
    assert str(caught.value).isprintable()
    assert "Sli" in str(caught.value)
