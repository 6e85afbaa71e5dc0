"""Calibration and thresholds against scikit-learn, scipy and what a user would check."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from twinface.core.errors import DataError
from twinface.evaluation import metrics
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.models.decision import Calibration, Threshold


def draw(seed: int, genuine: int = 300, impostors: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores of deviation 1, mean 2 for genuine pairs: the log odds are exactly 2 * score - 2."""
    rng = np.random.default_rng(seed)
    match = np.arange(genuine + impostors) < genuine
    return rng.normal(2.0 * match, 1.0), match


def smoothed_loss(coefficients: Any, scores: np.ndarray, match: np.ndarray) -> float:
    """Platt's criterion with an even prior, pair by pair."""
    slope, offset = coefficients
    genuine, impostors = int(match.sum()), int((~match).sum())
    total = 0.0
    for score, same in zip(scores, match, strict=True):
        target = (genuine + 1) / (genuine + 2) if same else 1 / (impostors + 2)
        predicted = 1 / (1 + np.exp(-(slope * score + offset)))
        surprise = -target * np.log(predicted) - (1 - target) * np.log(1 - predicted)
        total += surprise * 0.5 / (genuine if same else impostors)
    return total


class TestFitCalibration:
    @pytest.mark.parametrize(("genuine", "impostors"), [(60, 60), (20, 200), (200, 20)])
    def test_finds_the_optimum_that_scipy_finds(self, genuine: int, impostors: int) -> None:
        scores, match = draw(0, genuine, impostors)
        found = fit_calibration(scores, match, "here")
        expected = minimize(smoothed_loss, [1.0, 0.0], args=(scores, match), tol=1e-12)
        assert (found.slope, found.offset) == pytest.approx(expected.x, rel=1e-4)
        assert found.fitted_on == "here"

    def test_through_a_threshold_finds_the_best_slope(self) -> None:
        scores, match = draw(1, 60, 90)
        found = fit_calibration(scores, match, "here", Threshold(0.7, "here"))
        expected = minimize(
            lambda slope: smoothed_loss([slope[0], -0.7 * slope[0]], scores, match), [1.0], tol=1e-12
        )
        assert found.slope == pytest.approx(expected.x[0], rel=1e-4)
        assert found.offset == pytest.approx(-0.7 * found.slope)

    def test_is_logistic_regression_where_pairs_are_many(self) -> None:
        scores, match = draw(2, 4000, 2000)
        found = fit_calibration(scores, match, "here")
        expected = LogisticRegression(C=1e9, class_weight="balanced").fit(scores[:, None], match)
        assert found.slope == pytest.approx(expected.coef_[0, 0], rel=0.01)
        assert found.offset == pytest.approx(expected.intercept_[0], abs=0.02)
        assert (found.slope, found.offset) == pytest.approx((2, -2), abs=0.2)

    def test_probabilities_hold_for_new_pairs_of_an_even_mix(self) -> None:
        # Fitted on ten impostors for each genuine pair, judged on one.
        found = fit_calibration(*draw(3, 500, 5000), "here")
        scores, match = draw(4, 20_000, 20_000)
        assert metrics.expected_calibration_error(found.probability(scores), match) < 0.02

    @given(st.floats(1e-6, 1e6), st.floats(-100, 100))
    @settings(max_examples=30, deadline=None)
    def test_units_of_the_score_do_not_matter(self, scale: float, shift: float) -> None:
        scores, match = draw(5, 40, 40)
        plain = fit_calibration(scores, match, "").probability(scores)
        moved = scale * (scores + shift)
        np.testing.assert_allclose(fit_calibration(moved, match, "").probability(moved), plain, atol=1e-6)

    @pytest.mark.parametrize("through", [False, True])
    def test_separable_scores_are_not_certain(self, through: bool) -> None:
        scores, match = [9.0, 8.0, 7.0, 2.0, 1.0, 0.0], [True] * 3 + [False] * 3
        threshold = Threshold(4.5, "") if through else None
        found = fit_calibration(scores, match, "", threshold)
        # Three pairs of a kind support (3 + 1) / (3 + 2), on average.
        assert 0 < found.slope < 10
        assert found.probability([9.0, 8.0, 7.0]).mean() == pytest.approx(0.8, abs=0.03)
        assert found.probability([2.0, 1.0, 0.0]).mean() == pytest.approx(0.2, abs=0.03)

    @pytest.mark.parametrize("through", [False, True])
    def test_a_score_without_information_says_one_half(self, through: bool) -> None:
        threshold = Threshold(0.5, "") if through else None
        scores, match = draw(6)
        for useless in (-scores, np.full(600, 0.5)):
            found = fit_calibration(useless, match, "", threshold)
            assert (found.slope, found.offset) == (0.0, 0.0)
            assert found.probability(useless).tolist() == [0.5] * 600

    @given(st.integers(0, 10_000), st.integers(2, 30))
    @settings(max_examples=50, deadline=None)
    def test_verdict_and_probability_never_contradict(self, seed: int, pairs: int) -> None:
        scores, match = draw(seed, pairs, pairs)
        threshold = fit_threshold(scores, match, "")
        found = fit_calibration(scores, match, "", threshold)
        assert found.probability(threshold.value) == 0.5
        seen = np.concatenate([scores, np.nextafter(threshold.value, [-np.inf, np.inf])])
        chances = found.probability(seen)
        assert (chances[seen >= threshold.value] >= 0.5).all()
        assert (chances[seen < threshold.value] <= 0.5).all()

    def test_a_threshold_for_a_far_leaves_both_parameters_free(self) -> None:
        scores, match = draw(7)
        strict = fit_threshold(scores, match, "", far=0.02)
        assert fit_calibration(scores, match, "", strict) == fit_calibration(scores, match, "")
        assert fit_calibration(scores, match, "", strict).probability(strict.value) > 0.6

    @pytest.mark.parametrize(
        ("scores", "match", "error"),
        [
            ([1.0, np.nan], [True, False], DataError),
            ([1.0, 2.0], [True, True], DataError),
            ([], [], DataError),
            ([1.0, 2.0], [True], ValueError),
        ],
    )
    def test_impossible_pairs(self, scores: Any, match: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            fit_calibration(scores, match, "")
        with pytest.raises(error):
            fit_threshold(scores, match, "")

    def test_impossible_threshold(self) -> None:
        with pytest.raises(ValueError, match="found a threshold of inf"):
            fit_calibration([1.0, 0.0], [True, False], "", Threshold(np.inf, ""))


class TestProbability:
    @given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20), st.floats(0, 1e3), st.floats(-1e3, 1e3))
    @settings(max_examples=50, deadline=None)
    def test_equals_scipy_and_never_falls(self, drawn: list[float], slope: float, offset: float) -> None:
        scores = np.sort(drawn)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            found = Calibration(slope, offset, "").probability(scores)
        # Below 1e-300 numbers lose digits, and how many is no matter here.
        np.testing.assert_allclose(found, expit(slope * scores + offset), rtol=1e-12, atol=1e-300)
        assert (np.diff(found) >= 0).all()

    def test_keeps_the_shape(self) -> None:
        fit = Calibration(1.0, 0.0, "")
        assert float(fit.probability(0.0)) == 0.5
        assert fit.probability(0).shape == ()
        assert fit.probability(np.zeros((2, 3), dtype=np.float32)).shape == (2, 3)
        assert fit.probability([]).shape == (0,)

    @pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
    def test_refuses_what_is_not_finite(self, score: float) -> None:
        with pytest.raises(DataError, match="1 of 2 scores are not finite"):
            Calibration(0.0, 0.0, "").probability([0.0, score])


class TestFitThreshold:
    def test_for_accuracy(self) -> None:
        scores, match = draw(8)
        found = fit_threshold(scores, match, "300 people")
        assert found.fitted_on == "300 people"
        assert float(fit_calibration(scores, match, "").probability(found.value)) == pytest.approx(0.5)
        best = metrics.accuracy(scores, match, metrics.best_threshold(scores, match))
        assert metrics.accuracy(scores, match, found.value) > best - 0.02

    @pytest.mark.parametrize("far", [0.01, 0.1, 0.5])
    def test_for_a_far(self, far: float) -> None:
        scores, match = draw(9)
        found = fit_threshold(scores, match, "300 people", far)
        assert (found.fitted_on, found.far) == ("300 people", far)
        confusion = metrics.confusion(scores, match, found.value)
        assert confusion.false_accept == round(300 * far)
        assert confusion.true_accept / 300 == metrics.tar_at_far(scores, match, far)

    def test_a_far_that_the_impostors_cannot_measure(self) -> None:
        needed = (
            "found 300 impostor pairs, which expect 0.3 false accepts at a FAR of 0.001; need at least 3000"
        )
        with pytest.raises(DataError, match=needed):
            fit_threshold(*draw(10), "", far=0.001)
        with pytest.raises(DataError, match="no number of pairs shows"):
            fit_threshold(*draw(10), "", far=0.0)
        with pytest.raises(ValueError, match="need a false accept rate"):
            fit_threshold(*draw(10), "", far=2.0)
