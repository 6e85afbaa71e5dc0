"""Intervals in closed form, and comparisons of two models: against published values and plain loops."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from toy_pairs import draw_pairs, holds
from twinface.core.errors import DataError
from twinface.core.types import FloatArray, ScoredPairs
from twinface.evaluation import intervals, metrics
from twinface.evaluation.intervals.quantiles import t_quantile


class TestClosedForm:
    @given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
    @settings(max_examples=50, deadline=None)
    def test_wilson_equals_scipy(self, total: int, share: float, level: float) -> None:
        successes = round(share * total)
        found = intervals.wilson(successes, total, level)
        expected = stats.binomtest(successes, total).proportion_ci(level, method="wilson")
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= found.low <= successes / total <= found.high <= 1

    @pytest.mark.parametrize(
        ("rate", "text"),
        [(750, "[0.722, 0.776]"), (800, "[0.774, 0.824]"), (850, "[0.827, 0.871]"), (900, "[0.880, 0.917]")],
    )
    def test_wilson_for_a_thousand_pairs(self, rate: int, text: str) -> None:
        assert str(intervals.wilson(rate, 1000)) == text

    @pytest.mark.parametrize(
        ("successes", "total", "level"), [(1, 0, 0.9), (3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0)]
    )
    def test_wilson_refuses_nonsense(self, successes: int, total: int, level: float) -> None:
        with pytest.raises(ValueError, match="need"):
            intervals.wilson(successes, total, level)

    @pytest.mark.parametrize("degrees", [1, 1.5, 2, 3, 9, 9.7, 30, 500, 100_000])
    @pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
    def test_t_quantile_equals_scipy(self, degrees: float, level: float) -> None:
        assert t_quantile(degrees, level) == pytest.approx(stats.t.ppf((1 + level) / 2, degrees), rel=1e-7)

    def test_mean_over_folds(self) -> None:
        folds = np.random.default_rng(0).normal(0.9, 0.01, 10)
        mean, error = intervals.mean_and_standard_error(folds)
        assert mean == pytest.approx(sum(folds) / 10)
        assert error == pytest.approx(np.sqrt(sum((folds - mean) ** 2) / 9 / 10))
        found = intervals.fold_interval(folds, 0.9)
        expected = stats.t.interval(0.9, 9, loc=mean, scale=error)
        assert (found.low, found.high) == pytest.approx(expected)

    @pytest.mark.parametrize("values", [[], [0.9], [0.9, np.nan], [[0.9, 0.8]]])
    def test_a_standard_error_needs_two_values(self, values: Any) -> None:
        with pytest.raises(DataError, match="need at least two finite ones"):
            intervals.mean_and_standard_error(values)


def gain(one: ScoredPairs, other: ScoredPairs) -> FloatArray:
    """How much more often the one model judges each pair correctly, at a threshold of 1."""
    one_right, other_right = ((pairs.scores >= 1.0) == pairs.is_match for pairs in (one, other))
    return one_right.astype(float) - other_right


class TestComparison:
    @given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
    @settings(max_examples=50, deadline=None)
    def test_mcnemar_equals_scipy(self, only_a: int, only_b: int, both: int) -> None:
        a = np.repeat([True, False, True], [only_a, only_b, both])
        b = np.repeat([False, True, True], [only_a, only_b, both])
        differing = only_a + only_b
        expected = stats.binomtest(only_a, differing).pvalue if differing else 1.0
        assert intervals.mcnemar(a, b) == pytest.approx(expected, rel=1e-9)
        assert intervals.mcnemar(b, a) == intervals.mcnemar(a, b)
        half = stats.binom.pmf(only_a, differing, 0.5)
        expected = min(1.0, 2 * stats.binom.cdf(min(only_a, only_b), differing, 0.5) - half)
        assert intervals.mcnemar(a, b, mid_p=True) == pytest.approx(expected, rel=1e-9)

    def test_mcnemar_of_many_pairs(self) -> None:
        a = np.arange(200_000) < 100_500
        expected = stats.binomtest(99_500, 200_000).pvalue
        assert intervals.mcnemar(a, ~a) == pytest.approx(expected, rel=1e-6)

    def test_mcnemar_refuses_other_arrays(self) -> None:
        with pytest.raises(ValueError, match="need bool"):
            intervals.mcnemar([True, False], [True])
        with pytest.raises(ValueError, match="need bool"):
            intervals.mcnemar([1, 0], [1, 1])

    @given(st.lists(st.floats(0, 1), max_size=8))
    @settings(max_examples=50, deadline=None)
    def test_holm_rejects_what_stepping_down_rejects(self, p_values: list[float]) -> None:
        adjusted = intervals.holm(p_values)
        for level in (0.01, 0.05, 0.2):
            rejected = set()
            for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
                if p_values[place] * (len(p_values) - step) > level:
                    break
                rejected.add(place)
            assert {place for place, value in enumerate(adjusted) if value <= level} == rejected

    @pytest.mark.parametrize("p_values", [[1.1], [-0.1], [np.nan], [[0.1]]])
    def test_holm_needs_p_values(self, p_values: Any) -> None:
        with pytest.raises(ValueError, match="p-values must be"):
            intervals.holm(p_values)

    def test_an_error_that_both_models_make_cancels(self) -> None:
        a = draw_pairs(0)
        b = replace(a, scores=a.scores + np.random.default_rng(1).normal(0, 0.2, len(a)))
        difference = intervals.gain_interval(gain(b, a), a, replicates=300)
        expected = metrics.accuracy(b.scores, b.is_match, 1.0) - metrics.accuracy(a.scores, a.is_match, 1.0)
        assert difference.low <= expected <= difference.high
        alone = intervals.accuracy_interval(a, 1.0, 300)
        assert difference.high - difference.low < 0.7 * (alone.high - alone.low)
        back = intervals.gain_interval(gain(a, b), a, replicates=300)
        assert (back.low, back.high) == pytest.approx((-difference.high, -difference.low))

    def test_models_that_agree_are_not_surely_equal(self) -> None:
        pairs = draw_pairs(0)
        found = intervals.gain_interval(np.zeros(len(pairs)), pairs, replicates=20)
        # Half a pair in each of two cells of 1,002: standard error 1 / 1,002.
        assert (found.low, found.high) == pytest.approx((-1.96 / 1002, 1.96 / 1002), rel=1e-4)

    def test_the_interval_of_a_gain_holds_the_truth(self) -> None:
        # Model b has the same person effects and less noise; its accuracy is estimated from many pairs.
        def two_models(seed: int, **design: Any) -> tuple[ScoredPairs, ScoredPairs]:
            a = draw_pairs(seed, **design)
            noise = np.random.default_rng(seed + 10_000).normal(0, 0.5, len(a))
            return replace(a, scores=a.scores + noise), a

        truth = gain(*reversed(two_models(99, people=20_000, pairs=400_000))).mean()
        found = []
        for seed in range(60):
            a, b = two_models(seed)
            found.append(intervals.gain_interval(gain(b, a), a, replicates=200))
        assert np.mean([holds(interval, truth) for interval in found]) >= 0.9
