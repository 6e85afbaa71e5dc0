"""Verifying: right answers from every way in, and none of it imports torch."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import twinface
from conftest import TRAINING
from twinface.core.errors import ImageError
from twinface.datasets import open_dataset
from twinface.models.catalog import find_model, shipped_models
from twinface.models.load import load_model
from twinface.recognition.verifier import Verifier
from twinface.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def pictures():
    faces = open_dataset("orl").faces()
    return [faces.root / path for path in faces.paths]


def test_a_picture_and_itself(tiny_run: RunFolder, pictures) -> None:
    verdict = twinface.verify(pictures[0], pictures[0], model=tiny_run.path)
    assert verdict
    assert verdict.same
    assert verdict.score == pytest.approx(1, abs=1e-5)
    assert verdict.probability > 0.5
    assert "Same person" in verdict.explain()
    assert any("laid out like" in note for note in verdict.notes)


def test_a_verdict_follows_threshold_and_calibration(tiny_run: RunFolder, pictures) -> None:
    record = load_model(tiny_run.path).record
    verifier = twinface.Verifier(tiny_run.path)
    for other in pictures[5:100:7]:
        verdict = verifier.verify(pictures[0], other)
        assert verdict.same == bool(verdict) == (verdict.score >= record.threshold.value)
        assert verdict.threshold == record.threshold.value
        assert verdict.same == (verdict.probability >= 0.5)
        again = verifier.verify(other, pictures[0])
        assert again.score == pytest.approx(verdict.score, abs=1e-5)


def test_paths_texts_and_bytes_are_the_same(tiny_run: RunFolder, pictures) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    one = verifier.verify(pictures[0], pictures[1])
    assert one == verifier.verify(str(pictures[0]), str(pictures[1]))
    assert one == verifier.verify(pictures[0].read_bytes(), pictures[1].read_bytes())


def test_a_wrong_picture_is_named(tiny_run: RunFolder, pictures) -> None:
    with pytest.raises(ImageError, match="no such file"):
        twinface.verify(pictures[0], "missing.jpg", model=tiny_run.path)
    with pytest.raises(ImageError, match="given as bytes"):
        twinface.verify(pictures[0], b"hello", model=tiny_run.path)


def test_verify_works_where_torch_is_not_installed(tiny_run: RunFolder, pictures) -> None:
    """The modules that training needs are made impossible to import, as in an installation without the extra."""
    program = (
        "import sys\n"
        f"for name in {sorted(TRAINING)!r}: sys.modules[name] = None\n"
        "from twinface.cli import main\n"
        f"sys.argv = ['twinface', 'verify', {str(pictures[0])!r}, {str(pictures[0])!r}, "
        f"'--model', {str(tiny_run.path)!r}, '--json']\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert '"same": true' in result.stdout


def test_nothing_is_sent_and_nothing_left_at_home(tiny_run: RunFolder, pictures, tmp_path: Path) -> None:
    """ONNX Runtime's telemetry keeps what it is about to send in a database in the home folder."""
    variables = {name: value for name, value in os.environ.items() if name not in ("CI", "XDG_CACHE_HOME")}
    result = subprocess.run(
        [sys.executable, "-m", "twinface", "verify", *map(str, pictures[:2]), "--model", str(tiny_run.path)],
        env={**variables, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in (0, 1), result.stderr
    assert list(tmp_path.rglob("*")) == []


def test_judging_works_where_torch_is_not_installed(tiny_run: RunFolder, tmp_path) -> None:
    program = (
        "import sys\n"
        f"for name in {sorted(TRAINING)!r}: sys.modules[name] = None\n"
        "from twinface.cli import main\n"
        f"sys.argv = ['twinface', 'evaluate', {str(tiny_run.model / 'model.onnx')!r}, "
        "'--data', 'orl', '--protocol', 'unseen', '--json']\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert '"accuracy"' in result.stdout


def test_the_shipped_model_works_by_name(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (25, 25), np.uint8).repeat(10, 0).repeat(10, 1)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    cv2.imwrite(str(tmp_path / "b.png"), picture[::-1])
    assert "default" in shipped_models()
    verifier = Verifier()
    same, other = (verifier.verify(tmp_path / "a.png", tmp_path / name) for name in ("a.png", "b.png"))
    assert same
    assert same.score > other.score
    assert verifier.record.settings["recipe"] == "default"
    assert len(verifier.record.provenance.trained) == 3634
    assert find_model("default") == shipped_models()["default"]
