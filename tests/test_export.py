"""Exported models: each form scores as the network does, carries its record, and is refused when damaged."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from test_cli import twinface
from twinface.cli.export import export as command
from twinface.core.errors import ModelError, TwinfaceError
from twinface.datasets import open_dataset
from twinface.models.load import FORMS, load_model
from twinface.models.onnx_model import OnnxModel
from twinface.models.openvino_model import OpenvinoModel, import_openvino, seal
from twinface.training import export
from twinface.training.checkpoint import load_checkpoint
from twinface.training.export import EXPORTS, Form, export_model
from twinface.training.run_folder import RunFolder

pytest.importorskip("openvino")
USED = sorted(name for name, form in EXPORTS.items() if form.suffix in FORMS)


@pytest.fixture(scope="module")
def exported(tiny_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny run in every form; tests read these files and leave them as they are."""
    folder = tmp_path_factory.mktemp("exported")
    network, record = load_checkpoint(tiny_run.path)
    files = {name: folder / f"model{form.suffix}" for name, form in EXPORTS.items()}
    for name, target in files.items():
        assert export_model(network, record, target, name) <= 1e-3
    return files


@pytest.fixture
def openvino_copy(exported: dict[str, Path], tmp_path: Path) -> Path:
    for suffix in (".xml", ".bin"):
        shutil.copy(exported["openvino"].with_suffix(suffix), tmp_path)
    return tmp_path / "model.xml"


@pytest.fixture(scope="module")
def orl() -> list[Path]:
    faces = open_dataset("orl").faces()
    return [faces.root / path for path in faces.paths[:12]]


def some_faces(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 24, 24, 1), np.uint8)


@pytest.mark.parametrize("form", sorted(EXPORTS))
@pytest.mark.parametrize("count", [1, 3])
def test_every_form_embeds_and_scores_as_the_twin(
    tiny_run: RunFolder, exported: dict[str, Path], form: str, count: int
) -> None:
    network, record = load_checkpoint(tiny_run.path)
    faces = some_faces(count)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    found = EXPORTS[form].read(exported[form])(faces)
    assert found.shape == (count, record.embedding_size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for left in range(count):
        for right in range(count):
            score = record.score(found[left], found[right])
            assert score == pytest.approx(record.score(expected[left], expected[right]), abs=1e-3)


@pytest.mark.parametrize("form", USED)
def test_every_form_carries_the_one_record(tiny_run: RunFolder, exported: dict[str, Path], form: str) -> None:
    assert load_model(exported[form]).record.to_json() == load_checkpoint(tiny_run.path)[1].to_json()


def test_torchs_form_carries_it_as_an_extra_file(tiny_run: RunFolder, exported: dict[str, Path]) -> None:
    with zipfile.ZipFile(exported["exported"]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("extra/twinface.json")]
        assert archive.read(name).decode() == load_checkpoint(tiny_run.path)[1].to_json()


@pytest.mark.parametrize("form", sorted(EXPORTS))
def test_names_of_people_and_files_are_in_no_form(exported: dict[str, Path], form: str) -> None:
    files = exported[form].parent.glob("model.bin") if form == "openvino" else []
    data = b"".join(path.read_bytes() for path in (exported[form], *files))
    if form == "exported":
        with zipfile.ZipFile(exported[form]) as archive:
            data = b"".join(archive.read(name) for name in archive.namelist())
    assert b"orl_s" not in data
    assert b".py" not in data
    assert str(Path.cwd()).encode() not in data


def test_verdicts_and_figures_are_those_of_the_onnx_file(exported: dict[str, Path], orl: list[Path]) -> None:
    models = exported["openvino"], exported["onnx"]
    for other in (orl[0], orl[1], orl[10]):
        found, expected = (
            json.loads(twinface("verify", orl[0], other, "--model", model, "--json").stdout)
            for model in models
        )
        assert found["score"] == pytest.approx(expected["score"], abs=1e-3)
        same = ("same", "threshold", "threshold_fitted_on", "model")
        assert {name: found[name] for name in same} == {name: expected[name] for name in same}
    judged = [
        twinface("evaluate", model, "--data", "orl", "--protocol", "unseen", "--json") for model in models
    ]
    assert judged[0].returncode == 0, judged[0].stderr
    found, expected = (json.loads(result.stdout) for result in judged)
    assert found["accuracy"] == expected["accuracy"]
    assert found["auc"] == pytest.approx(expected["auc"], abs=1e-4)
    assert found["seen_people"] == expected["seen_people"]


def test_what_training_wrote_is_what_exporting_writes(tiny_run: RunFolder, exported: dict[str, Path]) -> None:
    assert exported["onnx"].read_bytes() == (tiny_run.model / "model.onnx").read_bytes()


def test_the_command(tiny_run: RunFolder, tmp_path: Path) -> None:
    run = tmp_path / "x"
    shutil.copytree(tiny_run.path, run)
    result = twinface("export", run, "--format", "openvino")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(run / "model" / "model.xml")
    assert "scores differ from the trained model's by at most" in result.stderr
    assert isinstance(load_model(run / "model" / "model.xml"), OpenvinoModel)
    target = tmp_path / "a" / "b.pt2"
    elsewhere = twinface("export", run / "model", "--format", "exported", "--out", target, "--json")
    assert elsewhere.returncode == 0, elsewhere.stderr
    about = json.loads(elsewhere.stdout)
    assert (about["format"], about["file"]) == ("exported", str(target))
    assert about["largest_score_difference"] <= 1e-3
    assert "does not open .pt2 files" in elsewhere.stderr
    assert zipfile.is_zipfile(target)


@pytest.mark.parametrize(
    ("form", "out", "said"),
    [
        ("openvin", None, 'no "openvin" (did you mean "openvino"?)'),
        ("openvino", "m.onnx", "has to end in .xml"),
        ("onnx", None, "found no twin.safetensors"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, form: str, out: str | None, said: str) -> None:
    with pytest.raises(TwinfaceError, match=re.escape(said)):
        command(tmp_path, form, tmp_path / out if out else None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_scores_otherwise_is_not_written(
    tiny_run: RunFolder, exported: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, record = load_checkpoint(tiny_run.path)
    strange, _ = load_checkpoint(tiny_run.path)
    with torch.no_grad():
        strange.backbone.dense.weight[:4] += 0.05
    wrong = Form(".onnx", lambda network, record: export._onnx(strange, record), OnnxModel)
    monkeypatch.setitem(EXPORTS, "wrong", wrong)
    target = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match=r"not written.*scores by"):
        export_model(network, record, target, "wrong")
    assert not target.exists()
    shutil.copy(exported["onnx"], target)
    with pytest.raises(ModelError, match="not written"):
        export_model(network, record, target, "wrong")
    assert target.read_bytes() == exported["onnx"].read_bytes()


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_any_flipped_byte_is_noticed(openvino_copy: Path, suffix: str) -> None:
    file = openvino_copy.with_suffix(suffix)
    whole = file.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 40):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"model\.xml"):
            OpenvinoModel(openvino_copy)


@pytest.mark.parametrize("size", [0, 10, 500, -1])
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_cut_file_is_refused(openvino_copy: Path, suffix: str, size: int) -> None:
    file = openvino_copy.with_suffix(suffix)
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ModelError, match=r"not a whole Twinface model|belongs to another model"):
        OpenvinoModel(openvino_copy)


def test_weights_that_are_missing_or_of_another_model_are_refused(openvino_copy: Path) -> None:
    weights = openvino_copy.with_suffix(".bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(ModelError, match="belongs to another model"):
        OpenvinoModel(openvino_copy)
    weights.unlink()
    with pytest.raises(ModelError, match=r"model\.bin cannot be read .* is two files"):
        load_model(openvino_copy)


def test_a_sealed_file_that_is_no_model_is_refused(openvino_copy: Path) -> None:
    weights = openvino_copy.with_suffix(".bin").read_bytes()
    openvino_copy.write_bytes(seal(b"<net>no model at all</net>", weights))
    with pytest.raises(ModelError, match=r"OpenVINO 2\S+ cannot load it"):
        OpenvinoModel(openvino_copy)
    openvino = import_openvino()
    parameter = openvino.opset13.parameter([1], np.float32)
    stranger = openvino.Model([openvino.opset13.relu(parameter)], [parameter])
    openvino.save_model(stranger, str(openvino_copy))
    weights = openvino_copy.with_suffix(".bin").read_bytes()
    openvino_copy.write_bytes(seal(openvino_copy.read_bytes(), weights))
    with pytest.raises(ModelError, match="not one that Twinface made"):
        OpenvinoModel(openvino_copy)


def test_torchs_form_is_never_opened(exported: dict[str, Path], orl: list[Path]) -> None:
    result = twinface("verify", *orl[:2], "--model", exported["exported"])
    assert result.returncode == 2
    assert "never opened" in result.stderr
    assert "need model.onnx" in result.stderr


def test_without_openvino_the_extra_is_named(exported: dict[str, Path], orl: list[Path]) -> None:
    program = (
        "import sys\n"
        "sys.modules['openvino'] = None\n"
        "from twinface.cli import main\n"
        f"sys.argv = ['twinface', 'verify', {str(orl[0])!r}, {str(orl[1])!r}, "
        f"'--model', {str(exported['openvino'])!r}]\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert 'pip install "twinface[openvino]"' in result.stderr


def test_openvino_sends_nothing_and_leaves_nothing_at_home(
    exported: dict[str, Path], orl: list[Path], tmp_path: Path
) -> None:
    """Its conversion tools, which it imports itself, would write an identity to ~/intel and send an event."""
    program = (
        "import sys, twinface\n"
        "sys.modules['torch'] = None\n"
        f"twinface.verify({str(orl[0])!r}, {str(orl[1])!r}, model={str(exported['openvino'])!r})\n"
        "assert not {'openvino_telemetry', 'onnxruntime', 'openvino.tools.ovc'} & set(sys.modules)\n"
    )
    variables = {name: value for name, value in os.environ.items() if name not in ("CI", "XDG_CACHE_HOME")}
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**variables, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.rglob("*")) == []
