"""Calibration and thresholds where a rare branch, a count or a kind of number could slip."""

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.metrics import best_threshold, threshold_at_far
from twinface.models.decision import Calibration, Threshold, sigmoid


def draw(genuine: int, impostors: int) -> tuple[np.ndarray, np.ndarray]:
    match = np.arange(genuine + impostors) < genuine
    return np.random.default_rng(1).normal(1.5 * match, 1.0), match


def test_without_information_the_threshold_is_the_most_accurate_one() -> None:
    """No sigmoid rises with these scores, so none crosses 0.5 anywhere."""
    scores, match = np.array([0.0, 1.0, 2.0, 9.0, 5.0, 6.0, 7.0]), np.array([True] * 4 + [False] * 3)
    for useless in (scores, np.full(7, 0.5)):
        assert fit_calibration(useless, match, "toys") == Calibration(0.0, 0.0, "toys")
    found = fit_threshold(scores, match, "toys")
    assert found == Threshold(best_threshold(scores, match), "toys")
    assert found.value == 8.0  # accepting one is as accurate as accepting all, and stricter


def test_the_threshold_is_where_the_sigmoid_crosses_one_half() -> None:
    scores, match = draw(80, 120)
    fit = fit_calibration(scores, match, "")
    assert fit_threshold(scores, match, "").value == pytest.approx(-fit.offset / fit.slope, rel=1e-12)
    assert fit_threshold(scores, match, "").far is None


def test_a_far_is_measured_on_the_impostors() -> None:
    scores, match = draw(20, 300)
    assert fit_threshold(scores, match, "", far=0.01).value == threshold_at_far(scores, match, 0.01)
    scores, match = draw(300, 20)
    with pytest.raises(DataError, match="found 20 impostor pairs"):
        fit_threshold(scores, match, "", far=0.01)


def test_kinds_of_pairs_weigh_alike_and_targets_are_inside() -> None:
    """At the optimum the weighted errors and their products with the scores are 0, by the criterion's own gradient."""
    scores, match = draw(30, 200)
    found = fit_calibration(scores, match, "")
    errors = found.probability(scores) - np.where(match, 31 / 32, 1 / 202)
    weights = np.where(match, 0.5 / 30, 0.5 / 200)
    assert float(weights @ errors) == pytest.approx(0, abs=1e-8)
    assert float((weights * scores) @ errors) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("seed", range(12))
def test_scores_with_long_tails_are_fitted_to_the_optimum_too(seed: int) -> None:
    """The gradient of the criterion is 0 there."""
    random = np.random.default_rng(seed)
    match = np.arange(70) < 40
    scores = random.normal(2.0 * match, 1.0)
    scores = np.sign(scores) * np.abs(scores) ** 5
    found = fit_calibration(scores, match, "")
    assert found.slope > 0
    weights = np.where(match, 0.5 / 40, 0.5 / 30)
    errors = weights * (found.probability(scores) - np.where(match, 41 / 42, 1 / 32))
    assert float(errors.sum()) == pytest.approx(0, abs=1e-8)
    assert float(errors @ (scores / scores.std())) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64])
def test_probabilities_are_of_double_precision(kind: type) -> None:
    found = Calibration(1.5, -0.25, "").probability(np.array([-3, 0, 2], kind))
    assert found.dtype == np.float64
    assert found == pytest.approx(1 / (1 + np.exp(-(1.5 * np.array([-3.0, 0.0, 2.0]) - 0.25))), rel=1e-15)


def test_a_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array([-1e4, -1.0, 0.0, 1.0, 1e4])) == pytest.approx(
            [0.0, 0.2689414213699951, 0.5, 0.7310585786300049, 1.0], rel=1e-12
        )
