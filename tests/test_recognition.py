"""Verifying: the same answer for every form of a picture, and without torch."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import twinface
from conftest import TRAINING
from twinface.core.errors import DataError, ImageError
from twinface.datasets.load import load_dataset
from twinface.models.catalog import NAMED_MODELS, find_model, is_name
from twinface.models.decision import Calibration
from twinface.models.load import load_model
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier
from twinface.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def pictures() -> list[Path]:
    faces = load_dataset("orl").faces()
    return [faces.root / path for path in faces.paths]


def test_a_picture_and_itself(tiny_run: RunFolder, pictures: list[Path]) -> None:
    verdict = twinface.verify(pictures[0], pictures[0], model=tiny_run.path)
    assert verdict
    assert verdict.same
    assert verdict.score == pytest.approx(1, abs=1e-5)
    assert verdict.probability > 0.5
    assert "Same person" in verdict.explain()
    assert verdict.seconds is not None


def test_a_verdict_follows_threshold_and_calibration(tiny_run: RunFolder, pictures: list[Path]) -> None:
    record = load_model(tiny_run.path).record
    verifier = twinface.Verifier(tiny_run.path, any_quality=True)
    for other in pictures[5:100:7]:
        verdict = verifier.verify(pictures[0], other)
        assert verdict.same == record.threshold.decide(verdict.score)
        assert bool(verdict) == (verdict.same is True)
        assert verdict.threshold == record.threshold.value
        assert (verdict.score >= verdict.threshold) == (verdict.probability >= 0.5)
        again = verifier.verify(other, pictures[0])
        assert again.score == pytest.approx(verdict.score, abs=1e-5)


def test_the_verdict_on_a_score_depends_on_the_score_alone(tiny_run: RunFolder, pictures: list[Path]) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    verdict = verifier.verify(pictures[0], pictures[12])
    again = verifier.judge(verdict.score)
    assert again == replace(verdict, faces=())
    assert again.seconds is None
    assert (verdict.model, verdict.threshold_fitted_on) == (
        verifier.record.name,
        verifier.record.threshold.fitted_on,
    )
    with pytest.raises(DataError, match="not finite"):
        verifier.judge(float("nan"))


def test_only_special_verdicts_have_notes(tiny_run: RunFolder) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    threshold = replace(verifier.record.threshold, upper=None)
    assert threshold.far is None
    verifier.record = replace(verifier.record, threshold=threshold)
    steep = Calibration(slope=10.0, offset=-10.0 * threshold.value, fitted_on="")
    verifier.record = replace(verifier.record, calibration=steep)
    assert verifier.judge(threshold.value - 0.2).notes == ()
    assert verifier.judge(threshold.value + 0.2).notes == ()
    [note] = verifier.judge(threshold.value + 0.02).notes
    assert "close to one half" in note
    # A threshold for a FAR of 0.01, above the score with a probability of one half.
    strict = replace(threshold, value=threshold.value + 0.3, far=0.01)
    verifier.record = replace(verifier.record, threshold=strict)
    [note] = verifier.judge(threshold.value + 0.2).notes
    assert "false accept rate of 0.01" in note
    assert verifier.judge(threshold.value + 0.4).notes == ()


def test_a_score_in_between_cannot_be_told(tiny_run: RunFolder) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    threshold = replace(verifier.record.threshold, value=0.2, lower=0.1, upper=0.5)
    verifier.record = replace(verifier.record, threshold=threshold)
    outcomes = [verifier.judge(score).outcome for score in (0.09, 0.1, 0.2, 0.49, 0.5)]
    assert outcomes == ["different", "uncertain", "uncertain", "uncertain", "same"]
    untold = verifier.judge(0.3)
    assert (untold.same, bool(untold), untold.zone) == (None, False, (0.1, 0.5))
    assert untold.explain().startswith("Cannot tell: the score is in between: 0.300 is from 0.100 to 0.500 (")
    assert "cannot be kept" in untold.notes[0]
    assert "at or above the threshold 0.500" in verifier.judge(0.6).explain()
    assert "below the threshold 0.100" in verifier.judge(0.0).explain()


def test_faces_of_poor_quality_cannot_be_told(tiny_run: RunFolder, pictures: list[Path]) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    face = verifier.read(pictures[0])
    assert face.quality
    poor = replace(face, quality=replace(face.quality, word="poor"))
    verdict = verifier.compare(face, poor)
    assert (verdict.outcome, verdict.same) == ("poor_quality", None)
    assert verdict.score == pytest.approx(verifier.compare(face, face).score)
    assert "--any-quality" in verdict.notes[0]
    assert twinface.Verifier(tiny_run.path, any_quality=True).compare(face, poor).outcome == "same"


def test_pictures_that_are_framed_as_in_training_need_no_margin(tiny_run: RunFolder) -> None:
    assert twinface.Verifier(tiny_run.path).record.threshold.upper is not None
    assert twinface.Verifier(tiny_run.path, aligned=True).record.threshold.upper is None


def test_jupyter_shows_a_verdict_as_a_table() -> None:
    verdict = Verdict("different", 0.1234, 0.2, 0.345, "<fast>", "some people", notes=("A & B.",))
    shown = verdict._repr_html_()
    assert "<caption>Different people</caption>" in shown
    assert "<th>score</th><td>0.123</td>" in shown
    assert "<th>threshold</th><td>0.200</td>" in shown
    assert "<th>probability of the same person</th><td>0.34</td>" in shown
    assert "&lt;fast&gt;" in shown
    assert "<p>A &amp; B.</p>" in shown


def test_paths_texts_and_bytes_are_the_same(tiny_run: RunFolder, pictures: list[Path]) -> None:
    verifier = twinface.Verifier(tiny_run.path)
    one = verifier.verify(pictures[0], pictures[1])
    assert one == verifier.verify(str(pictures[0]), str(pictures[1]))
    assert one == verifier.verify(pictures[0].read_bytes(), pictures[1].read_bytes())


def test_a_wrong_picture_is_named(tiny_run: RunFolder, pictures: list[Path]) -> None:
    with pytest.raises(ImageError, match="no such file"):
        twinface.verify(pictures[0], "missing.jpg", model=tiny_run.path)
    with pytest.raises(ImageError, match="given as bytes"):
        twinface.verify(pictures[0], b"hello", model=tiny_run.path)


def test_verify_works_where_torch_is_not_installed(tiny_run: RunFolder, pictures: list[Path]) -> None:
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


def test_nothing_is_sent_and_nothing_left_at_home(
    tiny_run: RunFolder, pictures: list[Path], tmp_path: Path
) -> None:
    """ONNX Runtime's telemetry would keep a database of unsent messages in the home folder."""
    variables = {name: value for name, value in os.environ.items() if name not in ("CI", "XDG_CACHE_HOME")}
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "twinface",
            "verify",
            str(pictures[0]),
            str(pictures[0]),
            "--model",
            str(tiny_run.path),
        ],
        env={**variables, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.rglob("*")) == []


def test_judging_works_where_torch_is_not_installed(tiny_run: RunFolder, tmp_path: Path) -> None:
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
    assert "default" in NAMED_MODELS
    verifier = Verifier("default", aligned=True)
    same, other = (verifier.verify(tmp_path / "a.png", tmp_path / name) for name in ("a.png", "b.png"))
    assert same
    assert same.score > other.score
    assert verifier.record.settings["recipe"] == "default"
    assert len(verifier.record.provenance.trained) == 3634


def test_a_folder_of_that_name_does_not_change_which_model_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_run: RunFolder
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_run.path, tmp_path / "default")
    assert is_name("default")
    assert not is_name("./default")
    assert not is_name(Path("default"))
    assert find_model("./default") == Path("default/model/model.onnx")
    assert find_model(Path("default")) == Path("default/model/model.onnx")
