"""Intervals against scipy, plain loops and, above all, against how often they hold the truth."""

import tracemalloc
from dataclasses import replace
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinface.core.errors import DataError
from twinface.core.types import FloatArray, Interval, ScoredPairs
from twinface.evaluation import intervals, metrics
from twinface.evaluation.intervals import people_bootstrap, ranking
from twinface.evaluation.intervals.accuracy import weighted_mean
from twinface.evaluation.intervals.quantiles import t_quantile


def draw_pairs(
    seed: int,
    *,
    people: int = 150,
    pairs: int = 500,
    effect: float = 0.8,
    mean: float = 2.4,
    uneven: bool = False,
) -> ScoredPairs:
    """Draw `pairs` genuine and as many impostor pairs of people who make all their pairs harder or easier.

    A score is normal with variance 1 and mean `mean` for genuine and 0 for impostor pairs. `effect`^2 of the
    variance belongs to the people: of a genuine pair to one (a goat), of an impostor pair to both (lambs and
    wolves). If `uneven`, some people are in many more pairs than others.
    """
    rng = np.random.default_rng(seed)
    goat = rng.standard_normal(people)
    wolf = 0.5 * goat + np.sqrt(0.75) * rng.standard_normal(people)
    popularity = rng.exponential(size=people) ** 1.5 if uneven else np.ones(people)
    popularity /= popularity.sum()
    same = rng.choice(people, pairs, p=popularity)
    left, right = rng.choice(people, (2, pairs), p=popularity)
    while (left == right).any():
        again = left == right
        right[again] = rng.choice(people, again.sum(), p=popularity)
    noise = np.sqrt(1 - effect**2) * rng.standard_normal((2, pairs))
    genuine = mean + effect * goat[same] + noise[0]
    impostor = effect * (wolf[left] + wolf[right]) / np.sqrt(2) + noise[1]
    return ScoredPairs(
        scores=np.concatenate([genuine, impostor]),
        is_match=np.arange(2 * pairs) < pairs,
        people=np.concatenate([np.stack([same, same], axis=1), np.stack([left, right], axis=1)]),
    )


def true_figures(mean: float = 2.4, threshold: float = 1.0) -> tuple[float, float, float, float]:
    """Accuracy at `threshold`, AUC, EER and TAR at a FAR of 0.1 of all pairs that `draw_pairs` can draw."""
    below = NormalDist().cdf
    return (
        (below(mean - threshold) + below(threshold)) / 2,
        below(mean / np.sqrt(2)),
        below(-mean / 2),
        below(mean - NormalDist().inv_cdf(0.9)),
    )


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def coverage(datasets: int, replicates: int, **design: Any) -> dict[str, float]:
    """How often the 95 % intervals hold the truth, over simulated data sets."""
    truth = true_figures()
    hits = []
    for seed in range(datasets):
        pairs = draw_pairs(seed, **design)
        right = np.sum((pairs.scores >= 1.0) == pairs.is_match)
        found = [
            intervals.accuracy_interval(pairs, 1.0, replicates),
            intervals.auc_interval(pairs, replicates),
            intervals.eer_interval(pairs, replicates),
            intervals.tar_interval(pairs, 0.1, replicates),
            intervals.wilson(int(right), len(pairs)),
        ]
        hits.append(
            [holds(interval, figure) for interval, figure in zip(found, [*truth, truth[0]], strict=True)]
        )
    return dict(zip(["accuracy", "auc", "eer", "tar", "wilson"], np.mean(hits, axis=0).tolist(), strict=True))


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


def weighted_accuracy(pairs: ScoredPairs) -> people_bootstrap.Statistic:
    """The accuracy of weighted pairs at a threshold of 1."""
    right = (pairs.scores >= 1.0) == pairs.is_match
    return weighted_mean(right.astype(float), pairs.is_match)


# Each weighted statistic beside the metric that it must equal.
STATISTICS = [
    (weighted_accuracy, partial(metrics.accuracy, threshold=1.0)),
    (ranking.weighted_auc, metrics.area_under_curve),
    (ranking.weighted_eer, metrics.equal_error_rate),
    (partial(ranking.weighted_tar, far=0.1), partial(metrics.tar_at_far, far=0.1)),
]


@pytest.mark.parametrize(("make", "metric"), STATISTICS, ids=["accuracy", "auc", "eer", "tar"])
@pytest.mark.parametrize("decimals", [1, 9], ids=["ties", "no ties"])
class TestWeighted:
    def test_equal_weights_give_the_metric(self, make: Any, metric: Any, decimals: int) -> None:
        pairs = draw_pairs(0, pairs=100)
        pairs = replace(pairs, scores=pairs.scores.round(decimals))
        expected = metric(pairs.scores, pairs.is_match)
        for value in (1.0, 0.3):
            weights = np.full((3, len(pairs)), value)
            assert make(pairs)(weights).tolist() == pytest.approx([expected] * 3)

    def test_whole_weights_are_repeated_pairs(self, make: Any, metric: Any, decimals: int) -> None:
        pairs = draw_pairs(1, pairs=100)
        pairs = replace(pairs, scores=pairs.scores.round(decimals))
        rng = np.random.default_rng(2)
        # As many genuine as impostor pairs in total, because the accuracy keeps the protocol's mix.
        half = rng.integers(0, 4, (20, 100))
        weights = np.concatenate([half, half[:, ::-1]], axis=1)
        found = make(pairs)(weights.astype(float))
        for row, figure in zip(weights, found, strict=True):
            assert figure == pytest.approx(
                metric(np.repeat(pairs.scores, row), np.repeat(pairs.is_match, row))
            )


class TestPeopleBootstrap:
    def test_is_a_function_of_its_arguments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pairs = draw_pairs(0)
        first = intervals.auc_interval(pairs, 100, seed=1)
        assert intervals.auc_interval(pairs, 100, seed=1) == first
        assert intervals.auc_interval(pairs, 100, seed=2) != first
        monkeypatch.setattr(people_bootstrap, "_BLOCK", 7 * len(pairs))
        chunked = intervals.auc_interval(pairs, 100, seed=1)
        assert (chunked.low, chunked.high) == pytest.approx((first.low, first.high), rel=1e-12)

    def test_names_and_order_of_people_do_not_matter(self) -> None:
        pairs = draw_pairs(0)
        names = np.sort(np.random.default_rng(1).choice(10**6, 150, replace=False))
        renamed = replace(pairs, people=names[pairs.people])
        assert intervals.eer_interval(renamed, 50) == intervals.eer_interval(pairs, 50)
        sides = replace(pairs, people=pairs.people[:, ::-1])
        assert intervals.eer_interval(sides, 50) == pytest.approx(intervals.eer_interval(pairs, 50))

    @pytest.mark.parametrize("seed", range(3))
    def test_holds_the_figure_and_grows_with_the_level(self, seed: int) -> None:
        pairs = draw_pairs(seed, pairs=60)
        estimate = metrics.equal_error_rate(pairs.scores, pairs.is_match)
        narrow = intervals.eer_interval(pairs, 200, level=0.5)
        wide = intervals.eer_interval(pairs, 200, level=0.99)
        assert 0 <= wide.low < narrow.low <= estimate <= narrow.high < wide.high <= 1
        assert (wide.level, wide.method) == (0.99, "people bootstrap, 200 replicates, at least Wilson")

    def test_width_is_that_of_the_dyadic_cluster_robust_variance(self) -> None:
        # The sum over all pairs of pairs that share a person, by a double loop.
        pairs = draw_pairs(3, people=300, pairs=200)
        match = pairs.is_match
        right = ((pairs.scores >= 1.0) == match).astype(float)
        influence = np.where(match, right - right[match].mean(), right - right[~match].mean()) / len(pairs)
        variance = 0.0
        for one, other in zip(influence, pairs.people, strict=True):
            shared = np.isin(pairs.people, other).any(axis=1)
            variance += one * influence[shared].sum()
        variance = max(variance, np.sum(influence**2))
        found = people_bootstrap.people_bootstrap(weighted_accuracy(pairs), pairs, 4000)
        assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.08)

    def test_all_right_is_not_certain(self) -> None:
        pairs = draw_pairs(0, mean=100.0)
        wilson = intervals.wilson(1000, 1000)
        assert intervals.accuracy_interval(pairs, 50.0, 20).low == wilson.low
        assert intervals.auc_interval(pairs, 20).low == wilson.low
        assert intervals.eer_interval(pairs, 20).high == pytest.approx(1 - wilson.low)
        assert intervals.tar_interval(pairs, 0.1, 20).low == intervals.wilson(500, 500).low

    @pytest.mark.parametrize("seed", range(5))
    def test_accuracy_is_never_narrower_than_wilson(self, seed: int) -> None:
        pairs = draw_pairs(seed, pairs=80, effect=0.0)
        right = int(np.sum((pairs.scores >= 1.0) == pairs.is_match))
        found, floor = intervals.accuracy_interval(pairs, 1.0, 100), intervals.wilson(right, 160)
        assert found.low <= floor.low < floor.high <= found.high

    def test_few_people_widen_it(self) -> None:
        assert people_bootstrap._few_people_factor(600, 0.95) == pytest.approx(1.01, abs=0.005)
        assert people_bootstrap._few_people_factor(140, 0.95) == pytest.approx(1.04, abs=0.005)
        assert people_bootstrap._few_people_factor(12, 0.95) == pytest.approx(1.6, abs=0.05)
        assert np.isfinite(people_bootstrap._few_people_factor(1.5, 0.95))

    def test_contradictions_are_refused(self) -> None:
        pairs = draw_pairs(0, pairs=20)
        with pytest.raises(DataError, match="contradict each other in 1 of 40 pairs, the first at index 3"):
            intervals.auc_interval(replace(pairs, is_match=pairs.is_match ^ (np.arange(40) == 3)))
        with pytest.raises(ValueError, match=r"found people \(39, 2\), need \[40, 2\]"):
            intervals.auc_interval(replace(pairs, people=pairs.people[1:]))
        two = ScoredPairs(np.array([1.0, 0.0]), np.array([True, False]), np.array([[0, 0], [0, 1]]))
        with pytest.raises(DataError, match="found 2 people, need at least 3"):
            intervals.auc_interval(two)
        with pytest.raises(DataError, match="not finite"):
            intervals.auc_interval(replace(pairs, scores=pairs.scores * np.nan))
        with pytest.raises(ValueError, match="replicates=1"):
            intervals.auc_interval(pairs, 1)
        with pytest.raises(ValueError, match="level=95"):
            intervals.auc_interval(pairs, 10, level=95)

    def test_a_far_that_the_pairs_cannot_measure_is_refused(self) -> None:
        with pytest.raises(
            DataError, match=r"found 20 impostor pairs, .* need at least 30: ask for a larger"
        ):
            intervals.tar_interval(draw_pairs(0, pairs=20), 0.1)

    def test_memory_stays_small(self) -> None:
        pairs = draw_pairs(0, people=1000, pairs=3000)
        tracemalloc.start()
        intervals.eer_interval(pairs, 700)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50e6

    def test_it_holds_the_truth_where_wilson_does_not(self) -> None:
        hits = {"bootstrap": 0, "wilson": 0}
        truth = true_figures()[0]
        for seed in range(60):
            pairs = draw_pairs(seed)
            right = int(np.sum((pairs.scores >= 1.0) == pairs.is_match))
            hits["bootstrap"] += holds(intervals.accuracy_interval(pairs, 1.0, 200), truth)
            hits["wilson"] += holds(intervals.wilson(right, 1000), truth)
        assert hits["bootstrap"] >= 0.9 * 60
        assert hits["wilson"] <= hits["bootstrap"] - 4

    @pytest.mark.slow
    @pytest.mark.parametrize("people", [150, 900])
    @pytest.mark.parametrize("effect", [0.0, 0.75])
    def test_coverage(self, people: int, effect: float) -> None:
        found = coverage(200, 300, people=people, effect=effect)
        for name in ("accuracy", "auc", "eer", "tar"):
            assert 0.9 <= found[name] <= 0.995, found
        if people == 150 and effect:
            assert found["wilson"] < 0.9, found

    @pytest.mark.slow
    @pytest.mark.parametrize(("people", "uneven", "pairs"), [(12, False, 500), (40, True, 300)])
    def test_coverage_with_few_people(self, people: int, uneven: bool, pairs: int) -> None:
        found = coverage(200, 300, people=people, uneven=uneven, pairs=pairs, effect=0.7)
        assert found["accuracy"] >= 0.88, found
        assert found["wilson"] < 0.7, found


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
