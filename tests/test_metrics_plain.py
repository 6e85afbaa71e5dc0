"""Metrics against plain loops where a number, a border or a default could slip by one."""

import math

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.evaluation.metrics import (
    accuracy,
    best_threshold,
    binary_cross_entropy,
    cross_validated_accuracy,
    cross_validated_right,
    expected_calibration_error,
    fold_accuracies,
    one_shot_accuracy,
    reliability_curve,
)
from twinface.evaluation.metrics.far import require_supported_far


def draw(pairs: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Scores that overlap, a third of them genuine, in no order."""
    random = np.random.default_rng(3)
    match = random.random(pairs) < 1 / 3
    return random.normal(match, 1.0), match


def right_by_loops(scores: np.ndarray, match: np.ndarray, folds: int) -> list[bool]:
    """Pair number i of its kind is in fold i modulo the number of folds."""
    fold, seen = [], {True: 0, False: 0}
    for kind in match.tolist():
        fold.append(seen[kind] % folds)
        seen[kind] += 1
    found = []
    for own, score, kind in zip(fold, scores, match.tolist(), strict=True):
        others = [place for place, other in enumerate(fold) if other != own]
        found.append((score >= best_threshold(scores[others], match[others])) == kind)
    return found


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_each_fold_is_judged_at_the_threshold_of_the_others(folds: int) -> None:
    scores, match = draw()
    right = right_by_loops(scores, match, folds)
    assert 0 < np.mean(right) < 1
    assert cross_validated_right(scores, match, folds).tolist() == right
    assert cross_validated_right(scores, match, folds).dtype == np.bool_
    sizes = [sum(1 for place in range(int(match.sum())) if place % folds == own) for own in range(folds)]
    assert max(sizes) - min(sizes) <= 1
    assert cross_validated_accuracy(scores, match, folds) == pytest.approx(np.mean(right), abs=0.02)


def test_ten_folds_unless_another_number_is_asked_for() -> None:
    scores, match = draw()
    assert cross_validated_right(scores, match).tolist() == right_by_loops(scores, match, 10)
    assert right_by_loops(scores, match, 10) != right_by_loops(scores, match, 11)
    scores, match = draw(200)
    assert cross_validated_accuracy(scores, match) == cross_validated_accuracy(scores, match, folds=10)
    assert cross_validated_accuracy(scores, match) != cross_validated_accuracy(scores, match, folds=11)


@pytest.mark.parametrize("genuine", [True, False])
def test_as_many_pairs_of_each_kind_as_folds_are_enough(genuine: bool) -> None:
    match = np.array([genuine] * 3 + [not genuine] * 7)
    scores = np.where(match, 1.0, 0.0) + np.arange(10) / 100
    assert cross_validated_accuracy(scores, match, folds=3) == 1.0
    with pytest.raises(DataError, match="found 3 pairs of the rarer kind, need one for each of 4 folds"):
        cross_validated_accuracy(scores, match, folds=4)
    with pytest.raises(ValueError, match="folds=1, need at least 2"):
        cross_validated_right(scores, match, folds=1)


def test_two_folds_are_enough() -> None:
    scores, match = draw()
    fold = np.arange(60) % 2
    expected = [
        accuracy(
            scores[fold == own], match[fold == own], best_threshold(scores[fold != own], match[fold != own])
        )
        for own in (0, 1)
    ]
    assert fold_accuracies(scores, match, fold).tolist() == expected
    with pytest.raises(DataError, match="found 1 fold"):
        fold_accuracies(scores, match, np.zeros(60))


@pytest.mark.parametrize(
    ("far", "impostors", "enough"),
    [
        (0.1, 30, True),
        (0.1, 29, False),
        (0.01, 300, True),
        (0.01, 299, False),
        (1.0, 3, True),
        (0.3, 10, True),
    ],
)
def test_three_false_accepts_have_to_be_expected(far: float, impostors: int, enough: bool) -> None:
    if enough:
        require_supported_far(far, impostors)
        return
    needed = f"found {impostors} impostor pairs, .*need at least {round(3 / far)}: ask for a larger FAR"
    with pytest.raises(DataError, match=needed):
        require_supported_far(far, impostors)


def test_a_far_of_none_cannot_be_shown() -> None:
    with pytest.raises(DataError, match="no number of pairs shows that it is 0: ask"):
        require_supported_far(0.0, 10**9)
    with pytest.raises(ValueError, match=r"far is 1\.5"):
        require_supported_far(1.5, 10**9)


def test_whole_numbers_are_similarities_too() -> None:
    assert one_shot_accuracy(np.array([[3, 1], [3, 1], [2, 2]]), [0, 1, 0]) == pytest.approx(1 / 3)


def test_a_certain_probability_is_kept_off_0_and_1() -> None:
    nearest = 2.0**-52
    assert binary_cross_entropy([1.0, 0.0], [True, False]) == pytest.approx(nearest, rel=1e-9, abs=0)
    assert binary_cross_entropy([0.0, 1.0], [True, False]) == pytest.approx(-math.log(nearest), rel=1e-12)
    assert binary_cross_entropy([0.9], [True]) == pytest.approx(-math.log(0.9))


def bins_by_loops(values: np.ndarray, match: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    borders = sorted({float(np.quantile(values, number / bins)) for number in range(1, bins)})
    found = []
    for low, high in zip([-math.inf, *borders], [*borders, math.inf], strict=True):
        inside = [place for place, value in enumerate(values) if low <= value < high]
        if inside:
            found.append((np.mean(values[inside]), np.mean(match[inside]), len(inside)))
    return found


@pytest.mark.parametrize("bins", [1, 2, 4, 15])
def test_bins_of_equal_count(bins: int) -> None:
    scores, match = draw()
    for values in (1 / (1 + np.exp(-scores)), np.round(1 / (1 + np.exp(-scores)), 1)):
        curve = reliability_curve(values, match, bins)
        expected = bins_by_loops(values, match, bins)
        assert curve.count.tolist() == [count for _, _, count in expected]
        assert curve.count.dtype == np.int64
        assert curve.predicted == pytest.approx([predicted for predicted, _, _ in expected])
        assert curve.observed == pytest.approx([observed for _, observed, _ in expected])
        error = sum(count * abs(predicted - observed) for predicted, observed, count in expected) / 60
        assert expected_calibration_error(values, match, bins) == pytest.approx(error)


def test_fifteen_bins_unless_another_number_is_asked_for() -> None:
    scores, match = draw()
    values = 1 / (1 + np.exp(-scores))
    assert len(reliability_curve(values, match).count) == 15
    assert expected_calibration_error(values, match) == expected_calibration_error(values, match, 15)
    assert expected_calibration_error(values, match) != expected_calibration_error(values, match, 16)
