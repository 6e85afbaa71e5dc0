"""Exported models: the file is the one that training wrote, and a file that scores differently is never written."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor

from twinface.cli.export import export as command
from twinface.core.errors import ModelError, TwinfaceError
from twinface.training import export
from twinface.training.checkpoint import load_checkpoint
from twinface.training.export import SCORE_TOLERANCE, TINY, export_model
from twinface.training.run_folder import RunFolder


def test_exporting_again_writes_the_bytes_that_training_wrote(tiny_run: RunFolder, tmp_path: Path) -> None:
    network, record = load_checkpoint(tiny_run.path)
    assert export_model(network.train(), record, tmp_path / "again.onnx") <= SCORE_TOLERANCE
    assert network.training
    assert (tmp_path / "again.onnx").read_bytes() == (tiny_run.model / "model.onnx").read_bytes()


def test_names_of_people_files_and_folders_are_not_in_the_file(tiny_run: RunFolder) -> None:
    data = (tiny_run.model / "model.onnx").read_bytes()
    assert b"orl_s" not in data
    assert b".py" not in data
    assert str(Path.cwd()).encode() not in data
    assert str(Path(export.__file__).parent).encode() not in data


def test_the_command(tiny_run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "x"
    shutil.copytree(tiny_run.path, run)
    (run / "model" / "model.onnx").unlink()
    command(run)
    printed = capsys.readouterr()
    assert printed.out.strip() == str(run / "model" / "model.onnx")
    assert "scores differ from the trained model's by at most" in printed.err
    target = tmp_path / "a" / "b.onnx"
    command(run / "model", target, json=True)
    about = json.loads(capsys.readouterr().out)
    assert (about["format"], about["file"]) == ("onnx", str(target))
    assert 0 <= about["largest_score_difference"] <= SCORE_TOLERANCE
    assert target.read_bytes() == (run / "model" / "model.onnx").read_bytes()


@pytest.mark.parametrize(
    ("out", "said"), [("m.pt2", "has to end in .onnx"), (None, "found no twin.safetensors")]
)
def test_wrong_arguments_are_named(tmp_path: Path, out: str | None, said: str) -> None:
    with pytest.raises(TwinfaceError, match=re.escape(said)):
        command(tmp_path, tmp_path / out if out else None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_scores_differently_is_not_written(
    tiny_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, record = load_checkpoint(tiny_run.path)
    strange, _ = load_checkpoint(tiny_run.path)
    with torch.no_grad():
        strange.backbone.dense.weight[:4] += 0.05
    wrong = export._to_onnx(strange, record)
    monkeypatch.setattr(export, "_to_onnx", lambda network, record: wrong)
    target = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match=r"not written.*scores by"):
        export_model(network, record, target)
    assert not target.exists()
    before = b"the file that was there"
    target.write_bytes(before)
    with pytest.raises(ModelError, match="not written"):
        export_model(network, record, target)
    assert target.read_bytes() == before


def test_weights_that_weight_decay_has_shrunk_to_nothing_are_written_as_zero(
    tiny_run: RunFolder, tmp_path: Path
) -> None:
    network, record = load_checkpoint(tiny_run.path)
    weights = max(network.backbone.parameters(), key=Tensor.numel).data
    weights[::2] = 1e-30  # what is multiplied with it is below all normal numbers
    assert export_model(network, record, tmp_path / "model.onnx") <= SCORE_TOLERANCE
    written = [numpy_helper.to_array(each) for each in onnx.load(tmp_path / "model.onnx").graph.initializer]
    small = [each for each in written if each.dtype == np.float32 and each.ndim]
    assert sum(int((each == 0).sum()) for each in small) >= weights[::2].numel()
    assert all(np.abs(each[each != 0]).min(initial=1) >= TINY for each in small)
