"""Models that are shown a part of each picture: with a threshold of their own, and figures that nobody mixes up."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from twinface.cli import app
from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import DATASETS, load_dataset
from twinface.datasets.orl import Orl
from twinface.datasets.subsets import pair_subset
from twinface.datasets.training_split import split_dataset, validation_of
from twinface.evaluation.calibration import fit_threshold
from twinface.evaluation.evaluate import EVERYTHING, evaluate
from twinface.evaluation.fitted_model import show_only
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import load_results
from twinface.faces.crop import prepare
from twinface.faces.mask import Mask, mask_for
from twinface.faces.picture import load_picture
from twinface.models.load import load_model
from twinface.models.onnx_model import OnnxModel
from twinface.reports import write_report
from twinface.training.run_folder import RunFolder

INNER = Region(0.25, 0.25, 0.5, 0.5)


class Inset(Orl):
    """ORL's pictures with a narrower idea of where the face is, so that they have a background."""

    region = INNER

    def faces(self) -> FaceSet:
        return replace(super().faces(), region=INNER)


@pytest.fixture(scope="module")
def model(tiny_run: RunFolder) -> OnnxModel:
    return load_model(tiny_run.path)


@pytest.fixture(scope="module")
def pairs(model: OnnxModel) -> PairSet:
    every = unseen_pairs(Inset(), model.record)
    return pair_subset(every, np.arange(0, len(every), 9))


@pytest.fixture(scope="module")
def validation(model: OnnxModel) -> PairSet:
    found = validation_of(model.record, load_dataset("orl"))
    assert found is not None
    return found


def plain_score(model: OnnxModel, mask: Mask, pairs: PairSet, row: int) -> float:
    """One pair, by hand: painted, prepared and compared."""
    one, two = (
        model(
            prepare(mask.paint(load_picture(pairs.faces.root / path, "gray")), model.record.preparation)[None]
        )
        for path in (pairs.faces.paths[pairs.left[row]], pairs.faces.paths[pairs.right[row]])
    )
    return float(one[0] @ two[0] / np.linalg.norm(one) / np.linalg.norm(two))


@pytest.mark.parametrize("part", ["face", "background"])
def test_masked_models_are_judged_on_masked_pictures_at_a_threshold_from_masked_pictures(
    model: OnnxModel, pairs: PairSet, validation: PairSet, part: str
) -> None:
    mask = mask_for(part, Region(0.35, 0.3, 0.4, 0.4), "ORL")
    few = pair_subset(validation, np.arange(0, len(validation), 7))
    masked = show_only(mask, model, few)
    scores = [plain_score(model, mask, few, row) for row in range(len(few))]
    expected = fit_threshold(scores, few.is_match, "plain").value
    assert masked.record.threshold.value == pytest.approx(expected, abs=1e-4)
    assert masked.record.threshold.value != model.record.threshold.value
    assert masked.record.threshold.fitted_on == f"6 other people of ORL faces, {part} alone"
    result = evaluate(masked, pairs, "unseen")
    some = range(0, len(pairs), 11)
    found = [plain_score(model, mask, pairs, row) for row in some]
    assert result.scored.scores[list(some)] == pytest.approx(found, abs=1e-4)
    assert not np.allclose(result.scored.scores, evaluate(model, pairs, "unseen").scored.scores, atol=1e-2)


def test_figures_of_a_part_cannot_be_taken_for_those_of_whole_pictures(
    model: OnnxModel, pairs: PairSet, validation: PairSet
) -> None:
    masked = show_only(mask_for("background", INNER, "ORL"), model, validation)
    results = [evaluate(judged, pairs, "unseen") for judged in (model, masked)]
    whole, part = (result.summary.to_dict() for result in results)
    assert whole["shown"] == EVERYTHING
    assert (whole["protocol"], part["protocol"]) == ("unseen", "unseen-background")
    assert part["data"] == f"{whole['data']}, background alone"
    assert part["shown"].startswith("the background alone")
    assert part["may_be_claimed"].startswith("No accuracy of a verifier: it was shown the background alone")
    assert ["\nshown  " in str(result) for result in results] == [False, True]
    seen = evaluate(masked, validation, "pairs", allow_seen=True).summary
    assert seen.may_be_claimed.startswith("Nothing")


def test_without_validation_people_the_threshold_stays_and_says_so(model: OnnxModel, pairs: PairSet) -> None:
    masked = show_only(mask_for("face", INNER, "ORL"), model, None)
    assert masked.record.threshold.value == model.record.threshold.value
    figures = evaluate(masked, pairs, "unseen").summary.to_dict()
    assert "6 other people of ORL faces, whole pictures" in figures["threshold_fitted_on"]


def test_a_model_that_is_shown_nothing_is_judged_a_guesser(
    model: OnnxModel, pairs: PairSet, validation: PairSet
) -> None:
    """Its crop lies inside what is painted over: each picture becomes one grey, and each score the same."""
    blind = replace(model.record.preparation, region=Region(0.4, 0.4, 0.2, 0.2))

    class Close:
        record = replace(model.record, preparation=blind)

        def __call__(self, faces: np.ndarray) -> np.ndarray:
            return model(faces)

    figures = evaluate(
        show_only(mask_for("background", INNER, "ORL"), Close(), validation), pairs, "unseen"
    ).summary.to_dict()
    assert figures["auc"] == pytest.approx(0.5, abs=1e-3)
    assert figures["accuracy"] == pytest.approx(np.mean(~pairs.is_match), abs=1e-3)
    json.dumps(figures, allow_nan=False)


def test_validation_pairs_are_those_that_the_threshold_was_fitted_on(
    tiny_run: RunFolder, model: OnnxModel, validation: PairSet
) -> None:
    split = split_dataset(load_dataset("orl"), tiny_run.settings())
    assert np.array_equal(validation.left, split.validation.left)
    assert np.array_equal(validation.right, split.validation.right)
    assert validation.faces.paths == split.validation.faces.paths


def test_other_peoples_pairs_are_not_taken_for_validation(model: OnnxModel) -> None:
    class Strangers(Orl):
        def faces(self) -> FaceSet:
            faces = super().faces()
            return replace(faces, names=tuple(f"stranger {name}" for name in faces.names))

    assert validation_of(model.record, Strangers()) is None
    unreadable = replace(model.record, settings={"data": {"people": 3}})
    assert validation_of(unreadable, load_dataset("orl")) is None


@pytest.fixture
def inset(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setitem(DATASETS, "inset", Inset)
    return Inset()


def test_evaluate_only_a_part(tiny_run: RunFolder, inset: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    RunFolder(run).note(source=DataSource("inset"))
    for arguments in ([], ["--only", "background"], ["--only", "face"]):
        found = CliRunner().invoke(
            app, ["evaluate", str(run), "--protocol", "unseen", "--data", "inset", "--json", *arguments]
        )
        assert found.exit_code == 0, found.output
    results = {result.name: result.summary.to_dict() for result in load_results(run)}
    assert set(results) == {"unseen", "unseen-background", "unseen-face"}
    assert len({figures["auc"] for figures in results.values()}) == 3
    assert results["unseen-face"]["threshold_fitted_on"] == "6 other people of ORL faces, face alone"
    page = (run / "report.html").read_text()
    assert page.count("Not its accuracy:") == 2
    assert "twinface evaluate again --protocol unseen --only background" in page
    whole, background = (results[name]["accuracy"] for name in ("unseen", "unseen-background"))
    headline = page[page.index('<p class="headline">') :][:300]
    assert f"{100 * whole:.1f}" in headline
    (run / "results" / "unseen.json").unlink()
    page = write_report(RunFolder(run)).read_text()
    headline = page[page.index('<p class="headline">') :][:300]
    assert "Not evaluated yet" in headline
    assert f"{100 * background:.1f}" not in headline


def test_parts_that_cannot_be_shown_are_refused(tiny_run: RunFolder, inset: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    file.write_text("a\t1\t2\n")
    for said, arguments in (
        ("--only needs --protocol", ["--pairs", str(file), "--root", str(tmp_path), "--only", "face"]),
        ("so they have no background", ["--protocol", "unseen", "--data", "orl", "--only", "face"]),
        ('no part "suit"', ["--protocol", "unseen", "--data", "inset", "--only", "suit"]),
    ):
        model = tiny_run.model / "model.onnx"
        found = CliRunner().invoke(app, ["evaluate", str(model), *arguments])
        assert found.exit_code != 0
        assert said in str(found.exception)
