"""Judging: figures equal plain recomputations, and nobody who was seen is scored unnoticed."""

import dataclasses
import json

import numpy as np
import pytest

from twinface.core.errors import DataError, LeakError
from twinface.core.types import PairSet, ScoredPairs
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.load import load_dataset
from twinface.datasets.subsets import pair_subset, take_people
from twinface.datasets.training_split import split_dataset
from twinface.evaluation.calibration import fit_threshold
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.measure import measure
from twinface.evaluation.results import load_results, save_result
from twinface.evaluation.summary_text import summary_lines
from twinface.faces.crop import prepare_picture
from twinface.models.load import load_model
from twinface.models.onnx_model import OnnxModel
from twinface.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def model(tiny_run: RunFolder) -> OnnxModel:
    return load_model(tiny_run.path)


@pytest.fixture(scope="module")
def pairs(model: OnnxModel) -> PairSet:
    return unseen_pairs(load_dataset("orl"), model.record)


def in_folds(pairs: PairSet, folds: int) -> PairSet:
    return dataclasses.replace(pairs, fold=np.arange(len(pairs)) % folds)


def test_unseen_people_are_those_that_the_run_set_aside(
    tiny_run: RunFolder, model: OnnxModel, pairs: PairSet
) -> None:
    settings = tiny_run.settings()
    split = split_dataset(load_dataset("orl"), settings)
    trained, tuned, test = (
        set(faces.names) for faces in (split.source.faces, split.validation.faces, pairs.faces)
    )
    assert (len(trained), len(tuned), len(test)) == (21, 6, 13)
    assert not (trained & tuned) | (trained & test) | (tuned & test)
    assert model.record.provenance.seen(trained | tuned | test) == (trained, tuned)


def test_figures_equal_a_plain_recomputation(model: OnnxModel, pairs: PairSet) -> None:
    some = pair_subset(pairs, np.arange(0, len(pairs), 9))
    figures = evaluate(model, some, "unseen").summary.to_dict()
    right, probabilities = 0, []
    for left, other, same in zip(some.left, some.right, some.is_match, strict=True):
        faces = [
            prepare_picture(some.faces.root / some.faces.paths[row], model.record.preparation)
            for row in (left, other)
        ]
        one, two = (model(face[None])[0] for face in faces)
        score = float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
        right += (score >= model.record.threshold.value) == same
        calibration = model.record.calibration
        probabilities.append(1 / (1 + np.exp(-(calibration.slope * score + calibration.offset))))
    assert figures["accuracy"] == pytest.approx(right / len(some))
    labels = some.is_match.astype(float)
    chances = np.clip(probabilities, model.record.calibration.lowest, model.record.calibration.highest)
    loss = -np.mean(labels * np.log(chances) + (1 - labels) * np.log(1 - chances))
    assert figures["loss"] == pytest.approx(loss, rel=1e-3)
    assert figures["accuracy_interval"][0] < figures["accuracy"] < figures["accuracy_interval"][1]
    assert sum(figures["confusion"].values()) == figures["pairs"] == len(some)
    assert figures["threshold_fitted_on"] == "6 other people of ORL faces"
    json.dumps(figures, allow_nan=False)


def test_each_picture_is_embedded_once(model: OnnxModel, pairs: PairSet) -> None:
    embedded = []

    class Counting:
        record = model.record

        def __call__(self, faces):
            embedded.append(len(faces))
            return model(faces)

    evaluate(Counting(), pairs, "unseen")
    assert sum(embedded) == len(pairs.faces) < 2 * len(pairs)


def test_people_and_pictures_in_no_pair_are_not_counted(model: OnnxModel, pairs: PairSet) -> None:
    few = dataclasses.replace(pairs, left=pairs.left[:9], right=pairs.right[:9], is_match=pairs.is_match[:9])
    summary = evaluate(model, few, "unseen").summary
    shown = {*few.left.tolist(), *few.right.tolist()}
    assert (summary.images, summary.people) == (
        len(shown),
        len({int(few.faces.people[row]) for row in shown}),
    )
    assert summary.people < len(few.faces.names)


@pytest.mark.parametrize("group", ["trained", "tuned"])
def test_people_that_the_model_has_seen_are_refused(
    tiny_run: RunFolder, model: OnnxModel, group: str, pairs: PairSet
) -> None:
    split = split_dataset(load_dataset("orl"), tiny_run.settings())
    seen = (split.source.faces if group == "trained" else split.validation.faces).names[0]
    names = [seen, *pairs.faces.names[:3]]
    mixed = draw_pairs(take_people(load_dataset("orl").faces(), names), 0)
    with pytest.raises(LeakError, match="--allow-seen-people"):
        evaluate(model, mixed, "pairs")
    result = evaluate(model, mixed, "pairs", allow_seen=True)
    figures = result.summary.to_dict()
    assert figures["seen_people"]["trained_on"] == (group == "trained")
    assert figures["seen_people"]["tuned_on"] == (group == "tuned")
    touched = int(np.any(np.array(mixed.faces.names)[mixed.people] == seen, axis=1).sum())
    assert figures["seen_people"]["pairs"] == touched > 0
    assert figures["may_be_claimed"].startswith("Nothing")
    assert any("Nothing" in line for line in summary_lines(result.summary))


def test_folds_take_their_threshold_from_the_other_folds(model: OnnxModel, pairs: PairSet) -> None:
    folded = in_folds(pairs, 5)
    result = evaluate(model, folded, "view2")
    accuracies = []
    for fold in range(5):
        test = folded.fold == fold
        threshold = fit_threshold(result.scored.scores[~test], pairs.is_match[~test], "x").value
        accuracies.append(np.mean((result.scored.scores[test] >= threshold) == pairs.is_match[test]))
        np.testing.assert_allclose(result.margins.scores[test], result.scored.scores[test] - threshold)
    figures = result.summary.to_dict()
    assert figures["folds"] == pytest.approx(accuracies)
    assert figures["accuracy"] == pytest.approx(np.mean(accuracies))
    assert figures["standard_error"] == pytest.approx(np.std(accuracies, ddof=1) / 5**0.5)
    assert "the other 4 folds" in figures["threshold_fitted_on"]


def test_pairs_of_one_kind_have_no_curve(model: OnnxModel, pairs: PairSet) -> None:
    genuine = pair_subset(pairs, pairs.is_match)
    result = evaluate(model, genuine, "pairs")
    figures = result.summary.to_dict()
    assert figures["auc"] is figures["eer"] is None
    assert figures["tar_at_far"] == []
    assert 0 <= figures["accuracy_interval"][0] <= figures["accuracy"] <= figures["accuracy_interval"][1] <= 1
    assert "area under ROC      -" in str(result)
    assert "accuracy" in result._repr_html_()


def test_only_fars_that_the_pairs_support_are_given(model: OnnxModel, pairs: PairSet) -> None:
    points = evaluate(model, pairs, "unseen").summary.to_dict()["tar_at_far"]
    assert [(point["far"], point["few_false_accepts"]) for point in points] == [(0.1, False), (0.01, True)]


def test_nobody_left_to_judge_on_is_an_error(model: OnnxModel, tiny_run: RunFolder, pairs: PairSet) -> None:
    class Known:
        name, title = "known", "known people"

        def faces(self):
            return take_people(load_dataset("orl").faces(), pairs.faces.names[:1])

    with pytest.raises(DataError, match="1 people that tiny has not seen"):
        unseen_pairs(Known(), model.record)


def test_results_come_back(tmp_path, model: OnnxModel, pairs: PairSet) -> None:
    result = evaluate(model, pairs, "unseen")
    save_result(tmp_path, result)
    (loaded,) = load_results(tmp_path)
    assert loaded.summary.to_dict() == json.loads(json.dumps(result.summary.to_dict()))
    assert np.array_equal(loaded.margins, result.margins.scores)
    assert loaded.left[5] == pairs.faces.paths[pairs.left[5]]
    assert loaded.root == pairs.faces.root


@pytest.mark.parametrize("wrong", [0, 1])
def test_an_interval_over_folds_stays_between_0_and_1_and_is_never_a_point(wrong: int) -> None:
    margins = np.ones(12)
    is_match = np.ones(12, np.bool_)
    is_match[:wrong] = False
    people, fold = np.arange(12).repeat(2).reshape(12, 2), np.repeat([0, 1, 2], 4)
    people[:wrong, 1] = 99
    scored = ScoredPairs(margins, is_match, people, fold)
    accuracy = measure(scored, np.full(12, 0.5), ranked=scored).accuracy
    assert accuracy.value == pytest.approx(1 - wrong / 12)
    assert accuracy.interval is not None
    assert 0 <= accuracy.interval.low < accuracy.value <= accuracy.interval.high <= 1
