"""Thresholds for other conditions: moved by mean and deviation, never lower, and refused to few people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twinface.core.types import WHOLE_FRAME, ByteArray, Float32Array
from twinface.evaluation.fit_on_people import AllPairs, score_all_pairs
from twinface.evaluation.fitted_model import FittedModel
from twinface.evaluation.operating_points import measure_error_table
from twinface.evaluation.other_conditions import SHARE, ConditionScores, score_conditions
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.faces.preparation import Preparation
from twinface.models.load import load_model

FRAME = Frame(60, 60, ((20.0, 26.0), (40.0, 26.0), (30.0, 36.0), (23.0, 46.0), (37.0, 46.0)))
USUAL = AllPairs(np.array([0.9]), np.array([-1.0, 0.0, 1.0]), 3, 1)


def collection(mean: float, deviation: float) -> AllPairs:
    return AllPairs(np.array([0.8]), mean + deviation * USUAL.impostor / USUAL.impostor.std(), 3, 1)


def test_the_threshold_moves_with_mean_and_deviation() -> None:
    one = ConditionScores((collection(0.5, 2 * USUAL.impostor.std()),))
    assert one.upper(2.0, USUAL) == pytest.approx(0.5 + 2 * 2.0)


def test_it_holds_in_nine_of_ten_collections_and_is_never_lower() -> None:
    deviation = USUAL.impostor.std()
    moved = np.linspace(0, 1, 11)
    scores = ConditionScores(tuple(collection(mean, deviation) for mean in moved))
    assert scores.upper(2.0, USUAL) == pytest.approx(2.0 + np.quantile(moved, SHARE))
    lower = ConditionScores(tuple(collection(-mean, deviation) for mean in moved))
    assert lower.upper(2.0, USUAL) == 2.0


def faces_of(people: int, of_each: int) -> tuple[ByteArray, np.ndarray]:
    """Each person has a pattern; pictures differ by noise."""
    random = np.random.default_rng(0)
    patterns = random.integers(40, 215, (people, 6, 6, 1)).repeat(10, axis=1).repeat(10, axis=2)
    pictures = np.repeat(patterns, of_each, axis=0) + random.normal(0, 6, (people * of_each, 60, 60, 1))
    return np.clip(pictures, 0, 255).astype(np.uint8), np.repeat(np.arange(people), of_each)


def pixels(faces: ByteArray) -> Float32Array:
    """Reduced pictures of length 1."""
    small = (
        faces.astype(np.float32).reshape(len(faces), 12, 5, 12, 5).mean(axis=(2, 4)).reshape(len(faces), -1)
    )
    small -= small.mean(axis=1, keepdims=True)
    return small / np.linalg.norm(small, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    record = load_model("default").record
    preparation = Preparation(WHOLE_FRAME, 60, 60, "gray")
    parameters = {"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)}
    return FittedModel(
        pixels,
        replace(
            record, preparation=preparation, distance="cosine", distance_parameters=parameters, frame=FRAME
        ),
    )


def test_collections_are_simulated_and_scored(model: FittedModel) -> None:
    faces, people = faces_of(30, 2)
    scores = score_conditions(model, faces, people, FRAME)
    assert scores
    assert len(scores.pairs) > 20
    genuine, impostor = scores.together()
    assert genuine.mean() > impostor.mean()
    again = score_conditions(model, faces, people, FRAME)
    assert again
    np.testing.assert_array_equal(impostor, again.together()[1])
    other = score_conditions(model, faces, people, FRAME, seed=1)
    assert other
    assert not np.array_equal(impostor[:100], other.together()[1][:100])


def test_a_table_gets_thresholds_for_each_of_its_rates(model: FittedModel) -> None:
    faces, people = faces_of(30, 2)
    embeddings = pixels(faces)
    usual = score_all_pairs(embeddings, people, model.record.score)
    table = measure_error_table(embeddings, people, model.record.score, "30 people", usual)
    scores = score_conditions(model, faces, people, FRAME)
    assert table
    assert scores
    found = scores.with_uppers(table, usual)
    uppers = [point.upper for point in found.points]
    assert uppers == sorted(uppers)
    for point in found.points:
        assert point.upper is not None
        assert point.upper >= point.threshold
        assert found.fmr_elsewhere(point.threshold) >= found.fmr_at(point.threshold)
        held = min(each.fmr for each in found.points if each.upper <= point.upper)
        assert found.fmr_elsewhere(point.upper) == pytest.approx(held)
    middle = found.point_at(0.03)
    assert middle.upper is not None
    assert middle.upper >= middle.threshold


def test_too_few_people_give_no_collection(model: FittedModel) -> None:
    faces, people = faces_of(3, 2)
    assert score_conditions(model, faces, people, FRAME) is None


def test_shipped_models_hold_their_rates_elsewhere() -> None:
    for name in ("siamese", "default", "sface"):
        record = load_model(name).record
        assert record.frame == STANDARD_FRAME
        assert record.threshold.upper is not None
        assert record.error_table
        assert record.error_table.point_at(0.01).upper > record.error_table.point_at(0.01).threshold
