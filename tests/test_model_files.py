"""The two forms of a model: they agree with each other, and damage or a stranger's file is refused."""

import json
import pickle
import shutil

import numpy as np
import onnx
import pytest
import torch

from twinface.core.errors import DivergedError, ModelError
from twinface.models.catalog import find_model
from twinface.models.checksum import with_checksum
from twinface.models.load import load_model
from twinface.models.onnx_model import OnnxModel
from twinface.models.record import ModelRecord
from twinface.networks.projections import LinearMap, Projection
from twinface.training.checkpoint import load_checkpoint, save_checkpoint
from twinface.training.export import export_model
from twinface.training.run_folder import RunFolder


@pytest.fixture
def copy(tiny_run: RunFolder, tmp_path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def some_faces(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 24, 24, 1), np.uint8)


@pytest.mark.parametrize("count", [1, 3])
def test_both_forms_embed_alike(tiny_run: RunFolder, count: int) -> None:
    network, record = load_checkpoint(tiny_run.path)
    model = load_model(tiny_run.path)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(some_faces(count))).numpy()
    found = model(some_faces(count))
    assert found.shape == (count, record.embedding_size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_both_forms_carry_one_record(tiny_run: RunFolder) -> None:
    assert load_checkpoint(tiny_run.path)[1].to_json() == load_model(tiny_run.path).record.to_json()


def test_the_file_is_plain_onnx(tiny_run: RunFolder) -> None:
    model = onnx.load(tiny_run.model / "model.onnx")
    onnx.checker.check_model(model)
    assert [value.name for value in model.graph.input] == ["faces"]
    assert [value.name for value in model.graph.output] == ["embeddings"]
    keys = {entry.key for entry in model.metadata_props}
    assert {"twinface", "sha256"} <= keys
    assert b".py" not in (tiny_run.model / "model.onnx").read_bytes()


def test_the_record_survives_its_json(tiny_run: RunFolder) -> None:
    record = load_checkpoint(tiny_run.path)[1]
    again = ModelRecord.from_json(record.to_json(), "again")
    assert again.to_json() == record.to_json()
    left, right = np.random.default_rng(0).normal(size=(2, 5, record.embedding_size)).astype(np.float32)
    assert np.array_equal(again.score(left, right), record.score(left, right))


def test_names_of_people_are_not_in_the_model(tiny_run: RunFolder) -> None:
    data = (tiny_run.model / "model.onnx").read_bytes() + (tiny_run.model / "twin.json").read_bytes()
    assert b"orl_s" not in data


def test_any_flipped_byte_is_noticed(copy: RunFolder) -> None:
    file = copy.model / "model.onnx"
    whole = file.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 40):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"model\.onnx"):
            load_model(copy.path)


@pytest.mark.parametrize("size", [0, 10, 500, -1])
def test_a_cut_file_is_refused(copy: RunFolder, size: int) -> None:
    file = copy.model / "model.onnx"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ModelError, match="not a complete Twinface model"):
        load_model(copy.path)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("model.onnx", pickle.dumps({"weights": 1}), "never opens"),
        ("model.pt2", b"PK\x03\x04" + bytes(100), r"\(such as .pt2\), which Twinface never opens"),
        ("model.xml", b'<?xml version="1.0"?><net/>', "as OpenVINO has them, which Twinface does not read"),
    ],
)
def test_other_kinds_of_model_are_refused_with_what_is_needed(
    tmp_path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=said) as caught:
        load_model(tmp_path / name)
    assert str(caught.value).endswith("need the run's model.onnx")
    assert "\n" not in str(caught.value)


def test_a_model_file_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx: cannot be read \(No such file"):
        OnnxModel(tmp_path / "none.onnx")


def test_a_sealed_file_that_is_no_model_is_refused(tmp_path, tiny_run: RunFolder) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(with_checksum(b"no model at all"))
    with pytest.raises(ModelError, match="not an ONNX model that Twinface reads"):
        load_model(file)
    model = onnx.load(tiny_run.model / "model.onnx")
    del model.metadata_props[:]
    file.write_bytes(with_checksum(model.SerializeToString()))
    with pytest.raises(ModelError, match="not one that Twinface made"):
        load_model(file)


def test_where_a_model_is_looked_for(tiny_run: RunFolder, tmp_path) -> None:
    file = tiny_run.model / "model.onnx"
    assert find_model(tiny_run.path) == find_model(tiny_run.model) == find_model(file) == file
    with pytest.raises(ModelError, match="found no model there"):
        find_model(tmp_path)
    (tmp_path / "settings.toml").touch()
    with pytest.raises(ModelError, match="training has not ended"):
        find_model(tmp_path)


@pytest.mark.parametrize(
    "faces", [np.zeros((1, 24, 24), np.uint8), np.zeros((1, 30, 24, 1), np.uint8), np.zeros((1, 24, 24, 1))]
)
def test_faces_of_another_shape_are_refused(tiny_run: RunFolder, faces: np.ndarray) -> None:
    with pytest.raises(ModelError, match="need uint8"):
        load_model(tiny_run.path)(faces)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda values: values.pop("threshold"), "record is damaged"),
        (
            lambda values: values.update(format=2),
            r"made by a newer Twinface \(format 2\); this version reads 1: pip install --upgrade twinface$",
        ),
        (
            lambda values: values.update(format=0),
            r"made by an older Twinface \(format 0\); this version reads 1: train",
        ),
        (lambda values: values.update(format="newest"), "record is damaged"),
        (lambda values: values.update(distance="euclid"), 'no distance "euclid" \\(did you mean "euclidean"'),
        (lambda values: values["preparation"].update(height=3), "preparation"),
        (lambda values: values["provenance"].pop("salt"), "people that it has seen is damaged"),
    ],
)
def test_a_damaged_record_is_refused(copy: RunFolder, change, said: str) -> None:
    file = copy.model / "twin.json"
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    with pytest.raises(ModelError, match=said):
        load_checkpoint(copy.path)


def test_weights_that_do_not_fit_are_refused(copy: RunFolder) -> None:
    file = copy.model / "twin.json"
    values = json.loads(file.read_text())
    values["settings"]["network"]["backbone"]["embedding"] = 17
    file.write_text(json.dumps(values))
    with pytest.raises(ModelError, match="does not fit"):
        load_checkpoint(copy.path)
    with pytest.raises(ModelError, match=r"found no twin\.safetensors"):
        load_checkpoint(copy.path / "results")


def test_a_projection_of_another_versions_network_is_refused(copy: RunFolder) -> None:
    """As of a network that has since come to give embeddings of another length."""
    network, record = load_checkpoint(copy.path)
    size = network.backbone.embedding_size
    network.projection = Projection([LinearMap(torch.zeros(size + 1), torch.zeros(size + 1, 3))], [1.0])
    save_checkpoint(copy.model, network.state_dict(), record)
    with pytest.raises(
        ModelError, match=rf"network gave \[{size + 1}\] numbers .* gives \[{size}\]; train it"
    ):
        load_checkpoint(copy.path)


def test_a_model_that_is_not_finite_is_neither_saved_nor_used(tiny_run: RunFolder, tmp_path) -> None:
    network, record = load_checkpoint(tiny_run.path)
    with torch.no_grad():
        network.backbone.dense_norm.bias[0] = float("nan")
    with pytest.raises(DivergedError):
        save_checkpoint(tmp_path, dict(network.state_dict()), record)
    with pytest.raises(DivergedError, match="not finite"):
        export_model(network, record, tmp_path / "model.onnx")
